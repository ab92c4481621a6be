"""Fonts for the scripts of the world, where the system has them."""

import functools
from typing import Any

# Matplotlib's own font first, then well-known ones that have what it lacks.
_WANTED = (
    "DejaVu Sans", "Noto Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR",
    "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "PingFang SC", "Hiragino Sans",
    "Apple SD Gothic Neo", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "SimHei", "Arial Unicode MS",
    "Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans Arabic", "Noto Sans Hebrew", "Nirmala UI", "Leelawadee UI",
)  # fmt: skip


@functools.cache
def _installed() -> list[str]:
    from matplotlib import font_manager

    known = set(font_manager.get_font_names())
    return [name for name in _WANTED if name in known]


def use_all_scripts(figure: Any) -> None:
    """Lets each text of a figure take a glyph that its font lacks from another installed font."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_fontfamily(_installed())
