"""The codec that a run's config names."""

from typing import Any

from tfvae.codecs.codec import Codec, VectorCodec
from tfvae.codecs.haplotype_codec import HaplotypeCodec
from tfvae.codecs.image_codec import ImageCodec
from tfvae.codecs.table_codec import TableCodec


def codec_of(config: dict, folder: Any = None, model: str | None = None) -> Codec:
    """The `Codec` of the run in `folder` with that config; see `Codec.from_config`."""
    for cls in (TableCodec, ImageCodec, HaplotypeCodec):
        if cls.kind in config:
            return cls.from_config(config[cls.kind], folder, model)
    return VectorCodec()
