"""A weigher for Nova's scheduler that prefers hosts where Shoal has more of the image."""

from shoal_weigher.weigher import ShoalWeigher

__all__ = ['ShoalWeigher']
