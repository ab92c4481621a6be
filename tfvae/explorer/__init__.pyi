from .latent_map import LatentMap as LatentMap
from .latent_map import latent_map as latent_map
from .page import write_page as write_page
from .widget import LatentWidget as LatentWidget
