from .codec import Codec as Codec
from .codec import VectorCodec as VectorCodec
from .haplotype_codec import HaplotypeCodec as HaplotypeCodec
from .image_codec import ImageCodec as ImageCodec
from .of_run import codec_of as codec_of
from .table_codec import TableCodec as TableCodec
