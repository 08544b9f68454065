"""What became of a restricted sale. Pure.

| result | when |
|---|---|
| `conscientious` | asked for (challenge or unsure), and an ID check was recorded, or the refusal was and nothing restricted was sold |
| `not_due` | nothing was asked for, or nothing restricted was left when the sale ended |
| `missed_challenge` | a challenge was due, goods were sold, and no ID check was recorded |
| `no_evidence` | goods were sold, no check was recorded, and the agent had nothing to judge by: the advice was `unsure`, or the sale ended (or was heard of) too late for any advice |

`challenge_due` is true when anything was asked for at any time: `unsure` asks too.
"""  # noqa: E501  (a table's row is one line)

from __future__ import annotations

from agent.decide.sale import Sale
from agent.outcomes import AuditResult, SaleAudit


def audit_of(sale: Sale, ended_wall_s: float) -> SaleAudit:
    """Return the audit of a sale that has ended."""
    return SaleAudit(
        event_id=sale.audit_id,
        sale_id=sale.sale_id,
        categories=sale.categories_scanned(),
        challenge_due=sale.asked != "none",
        advice=sale.asked,
        shown_wall_s=sale.shown_wall_s,
        id_checked_by=sale.id_checked_by,
        id_refused=sale.id_refused,
        result=audit_result(sale),
        occurred_wall_s=ended_wall_s,
    )


def audit_result(sale: Sale) -> AuditResult:
    """Return how the sale is to be judged; see the module's table."""
    left = sale.categories_left()
    asked = sale.asked != "none"
    if sale.id_checked_by is not None:
        return "conscientious" if asked or _undecided(sale, left) else "not_due"
    if not left:
        return "conscientious" if asked and sale.id_refused else "not_due"
    if sale.asked == "challenge":
        return "missed_challenge"
    if sale.asked == "unsure" or _undecided(sale, left):
        return "no_evidence"
    return "not_due"


def _undecided(sale: Sale, left: tuple[str, ...]) -> bool:
    """Return whether goods were sold of a category for which no advice was found in time."""
    decided = sale.decided
    return any(
        category not in decided or decided[category].decide_at_s is not None for category in left
    )
