// Reads AsyncAPI documents with AsyncAPI's own parser: node validate.cjs NODE_MODULES DOCUMENT…
// Prints one line of JSON for each: whether it could be read, and what was found wrong.
const { createRequire } = require("node:module");

const [modules, ...files] = process.argv.slice(2);
const { Parser, fromFile } = createRequire(`${modules}/`)("@asyncapi/parser");

async function main() {
  for (const file of files) {
    const { document, diagnostics } = await fromFile(new Parser(), file).parse();
    const channels = document ? document.channels().all().map((each) => each.id()) : [];
    const found = diagnostics.map(({ severity, code, message, path }) => ({
      severity, code, message, path: path.join("."),
    }));
    console.log(JSON.stringify({ readable: document !== undefined, channels, found }));
  }
}

main();
