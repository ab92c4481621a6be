"""The codec that a run's config names."""

from tfvae.codecs.codec import VectorCodec
from tfvae.codecs.haplotype_codec import HaplotypeCodec
from tfvae.codecs.image_codec import ImageCodec
from tfvae.codecs.table_codec import TableCodec


def codec_of(config, folder=None, model=None):
    """The `Codec` of the run in `folder` with that config; see `Codec.from_config`."""
    for cls in (TableCodec, ImageCodec, HaplotypeCodec):
        if cls.kind in config:
            return cls.from_config(config[cls.kind], folder, model)
    return VectorCodec()
