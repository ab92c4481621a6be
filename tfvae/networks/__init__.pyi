from .convolutional import convolutional_decoder as convolutional_decoder
from .convolutional import convolutional_encoder as convolutional_encoder
from .mlp import GatedDense as GatedDense
from .mlp import dense_layers as dense_layers
from .mlp import distribution_network as distribution_network
