"""Sections: where they are cut, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from tfvae.data.sections import make_sections, parse_sections, section_table
from tfvae.host.errors import UserError


def sites(positions, contig="1", section=None):
    return pd.DataFrame({"contig": contig, "position": positions, "section": section})


def sizes(frame, text, **limits):
    return [len(s) for s in make_sections(frame, parse_sections(text), **limits)]


FLAT = sites(np.arange(100, 10_100, 100))  # a hundred sites, 100 bp apart


def test_by_count_and_length():
    assert sizes(FLAT, "count:30") == [30, 30, 30, 10]
    assert sizes(FLAT, "count:30", minimum=20) == [30, 30, 40]
    assert sizes(FLAT, "count:90", maximum=50) == [45, 45, 10]
    assert sizes(FLAT, "bp:2500") == [25, 25, 25, 25]


def test_sections_do_not_cross_contigs_and_cover_all_sites_in_order():
    frame = pd.concat([FLAT, FLAT.assign(contig="2")], ignore_index=True)
    found = make_sections(frame, parse_sections("count:64"))
    assert [len(s) for s in found] == [64, 36, 64, 36]
    assert [s.start for s in found[1:]] == [s.stop for s in found[:-1]]
    assert [s.name for s in found] == ["0", "1", "2", "3"]
    assert section_table(frame, found)[2] == {"section": "2", "contig": "2", "first": 100, "last": 6400, "sites": 64}


def test_by_breakpoints(tmp_path):
    bed = tmp_path / "x.bed"
    bed.write_text("1\t0\t2000\n1\t2000\t5050\n")
    assert sizes(FLAT, f"breaks:{bed}") == [20, 30, 50]
    table = tmp_path / "x.tsv"
    table.write_text("contig\tposition\n1\t2000\n1\t5050\n")
    assert sizes(FLAT, f"breaks:{table}") == [20, 30, 50]
    table.write_text("contig\tposition\n1\t5050\n1\t2000\n")
    with pytest.raises(UserError, match="breakpoints out of order: 1:2000 stands after 1:5050"):
        sizes(FLAT, f"breaks:{table}")
    with pytest.raises(UserError, match="has no breakpoint on contig '7'"):
        sizes(FLAT.assign(contig="7"), f"breaks:{bed}")
    table.write_text("contig\tposition\n1\tmany\n")
    with pytest.raises(UserError, match="has 'many' where a number is expected, in row 1"):
        sizes(FLAT, f"breaks:{table}")


def test_by_genetic_length_and_hotspots(tmp_path):
    """One centimorgan at 4,950 to 5,050 bp and next to nothing elsewhere: two halves."""
    rates = tmp_path / "rates.txt"
    rates.write_text(
        "Chromosome Position(bp) Rate(cM/Mb)\nchr1 1 0.001\nchr1 4950 10000\nchr1 5050 0.001\nchr1 11000 0\n"
    )
    assert sizes(FLAT, f"cm:{rates}:0.5")[0] == 49
    assert sizes(FLAT, f"hotspots:{rates}:5") == [50, 50]
    assert sizes(FLAT, f"hotspots:{rates}") == [50, 50]
    cm = tmp_path / "cm.txt"
    cm.write_text("position,cM\n0,0\n10000,1\n")
    assert sizes(FLAT, f"cm:{cm}:0.25") == [25, 25, 25, 25]
    cm.write_text("position,cM\n0,0\n10000,1\n9000,2\n")
    with pytest.raises(UserError, match="positions out of order: 9000 stands after 10000"):
        sizes(FLAT, f"cm:{cm}:0.25")


def test_of_hotspots_within_ten_kilobases_the_strongest_counts(tmp_path):
    rates = tmp_path / "rates.txt"
    rates.write_text("position rate\n1 0\n2000 10\n2100 0\n6000 50\n6100 0\n20000 0\n")
    assert sizes(FLAT, f"hotspots:{rates}:5") == [60, 40]


def test_by_an_info_field():
    assert sizes(sites(range(6), section=[0, 0, 1, 1, 1, 2]), "info:SEC", minimum=1) == [2, 3, 1]
    with pytest.raises(UserError, match="INFO/SEC has the value 0 in two stretches"):
        sizes(sites(range(6), section=[0, 0, 1, 1, 0, 0]), "info:SEC")


def test_mistakes_are_named():
    for text in ("count:0", "count:x", "bp", "sites:3", "info:", "bp:-3"):
        with pytest.raises(UserError, match="is not one of count:SITES"):
            parse_sections(text)
    with pytest.raises(UserError, match=r"There is no file no.bed"):
        parse_sections("breaks:no.bed")
    with pytest.raises(UserError, match="Contig 1 has 100 sites, fewer than the minimum of 200"):
        sizes(FLAT, "count:30", minimum=200)
    with pytest.raises(UserError, match="must be at least twice the minimum"):
        sizes(FLAT, "count:30", minimum=20, maximum=30)
