"""The article's own trials, simulated at their real size under effect, no effect and each bias mechanism."""

from hepatrial.article.run import ARTICLE_TRIALS, simulate_article, stored

__all__ = ["ARTICLE_TRIALS", "simulate_article", "stored"]
