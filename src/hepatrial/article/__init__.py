"""The article's own trials, simulated at their real size under effect, no effect and each bias mechanism."""

from hepatrial.article.for_claims import for_claims
from hepatrial.article.run import ARTICLE_TRIALS, simulate_article, stored

__all__ = ["ARTICLE_TRIALS", "for_claims", "simulate_article", "stored"]
