"""Files of variants: what is read is right, and what is not right is not read."""

import gzip
import os

import numpy as np
import pytest

from tests.data.vcf import record, text
from tfvae.data.haplotypes import HaplotypeStore, haplotypes_of, load_haplotypes, match_sites
from tfvae.data.simulation import simulate_haplotypes
from tfvae.data.variants import parse_irregular, parse_region
from tfvae.data.vcf_writer import write_vcf
from tfvae.host.errors import UserError

DATA = os.environ.get("TFVAE_DATA", "")
GOOD = [record(["0|1", "1|1", "0|0"]), record(["1|0", "0|0", "0|1"], 20), record(["0|0", "0|1", "0|0"], 5, contig="2")]
ALLELES = np.array([[0, 1, 0], [1, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 0], [0, 1, 0]])


@pytest.fixture
def write(tmp_path):
    def to(content, name="x.vcf"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to


def test_reads_phased_alleles_sites_and_people(write):
    found = load_haplotypes(write(text(*GOOD)))
    np.testing.assert_array_equal(found.alleles, ALLELES)
    assert found.alleles.dtype == np.uint8
    assert found.samples == ["A", "B", "C"]
    assert found.sites["contig"].tolist() == ["1", "1", "2"]
    assert found.sites["position"].tolist() == [10, 20, 5]
    assert found.sites["alt"].tolist() == ["C"] * 3


def test_people_and_regions_are_chosen(write):
    path = write(text(*GOOD))
    np.testing.assert_array_equal(load_haplotypes(path, samples=["C", "A"]).alleles, ALLELES[[4, 5, 0, 1]])
    np.testing.assert_array_equal(load_haplotypes(path, region="1:15-25").alleles, ALLELES[:, [1]])
    np.testing.assert_array_equal(load_haplotypes(path, region="2").alleles, ALLELES[:, [2]])


def test_other_fields_line_ends_and_homozygous_calls_without_phase_are_harmless(write):
    more = text(record(["0|1:3", "1|1:3", "0/0:1"], format="GT:DP"))
    np.testing.assert_array_equal(load_haplotypes(write(more)).alleles, ALLELES[:, [0]])
    np.testing.assert_array_equal(load_haplotypes(write(text(*GOOD).replace("\n", "\r\n"))).alleles, ALLELES)


def test_several_files_are_one_set(write):
    a, b = write(text(*GOOD[:2]), "a.vcf"), write(text(GOOD[2]), "b.vcf")
    np.testing.assert_array_equal(load_haplotypes([a, b]).alleles, ALLELES)
    with pytest.raises(UserError, match=r"a.vcf, 1:10 stands after 2:5: sort it"):
        load_haplotypes([a, b, a])
    other = write(text(record(["0|1", "0|0", "0|0"], 30), samples=("A", "B", "D")), "c.vcf")
    with pytest.raises(UserError, match="lacks 1 of 3 people, the first is 'C'"):
        load_haplotypes([a, other])


IRREGULAR = {
    "unphased": (record(["0/1", "1|1", "0|0"], 30), "1:30 .A>C. is unphased in sample A: phase the file first"),
    "missing": (record(["1|1", ".|.", "1|."], 30), "1:30 .A>C. is missing in sample B: impute the file first"),
    "multiallelic": (record(["0|2", "1|1", "0|0"], 30, alt="C,G"), "is multiallelic: split such records"),
    "symbolic": (record(["0|1", "1|1", "0|0"], 30, alt="<DEL>"), "A><DEL>. is symbolic"),
    "haploid": (record(["1", "1|1", "0|0"], 30), "is haploid in sample A"),
    "duplicate": (record(["0|1", "1|1", "0|0"], 20), "1:20 .A>C. is duplicate"),
}


@pytest.mark.parametrize("kind", IRREGULAR)
def test_irregular_records_are_refused_or_dropped_and_counted(kind, write, tmp_path):
    bad, message = IRREGULAR[kind]
    path = write(text(GOOD[0], GOOD[1], bad, GOOD[2]))
    with pytest.raises(UserError, match=message):
        load_haplotypes(path)
    store = HaplotypeStore.create(tmp_path / "store", [path], irregular=f"{kind}=drop")
    np.testing.assert_array_equal(store.read().alleles, ALLELES)
    assert store.about["dropped"][kind] == 1
    with pytest.raises(UserError, match=kind):
        load_haplotypes(path, irregular=",".join(f"{k}=drop" for k in IRREGULAR if k != kind))


def test_missing_alleles_are_imputed_with_the_commoner_one_when_asked(write):
    path = write(text(GOOD[0], record(["1|1", ".|.", "0|."], 30), record(["0|0", ".|0", "0|1"], 40)))
    found = load_haplotypes(path, irregular="missing=impute").alleles
    np.testing.assert_array_equal(found[:, 1], [1, 1, 1, 1, 0, 1])
    np.testing.assert_array_equal(found[:, 2], [0, 0, 0, 0, 0, 1])


def test_an_unknown_allele_beside_a_known_one_without_phase_is_not_imputed(write):
    path = write(text(GOOD[0], record(["1/.", "0|0", "0|0"], 30)))
    with pytest.raises(UserError, match="is unphased in sample A"):
        load_haplotypes(path, irregular="missing=impute")
    nowhere = write(text(GOOD[0], record([".|.", ".|.", ".|."], 30)))
    assert load_haplotypes(nowhere, irregular="missing=impute").alleles.shape == (6, 1)


def test_chunks_join_without_a_seam(write, tmp_path, monkeypatch):
    """One record a chunk: duplicates are found over the border, chunks of which nothing is left are passed over."""
    monkeypatch.setattr("tfvae.data.variants._CHUNK_GENOTYPES", 1)
    twice = write(text(*GOOD[:2], GOOD[1], GOOD[2]))
    with pytest.raises(UserError, match="1:20 .A>C. is duplicate"):
        load_haplotypes(twice)
    store = HaplotypeStore.create(tmp_path / "store", [twice], irregular="drop")
    np.testing.assert_array_equal(store.read().alleles, ALLELES)
    rare_first = write(text(GOOD[2].replace("2\t5", "1\t5"), *GOOD[:2]))
    few = HaplotypeStore.create(tmp_path / "few", [rare_first], min_count=2)
    assert few.sites["position"].tolist() == [10, 20]
    with pytest.raises(UserError, match="has no record left to use"):
        HaplotypeStore.create(tmp_path / "none", [rare_first], min_count=4)


def test_calls_that_look_like_others_are_not_taken_for_them(write):
    with pytest.raises(UserError, match="has 4 genotypes for 3 people"):
        load_haplotypes(write(text(GOOD[0][:-1] + "\t:\n")))
    many = ",".join("A" * (k + 1) for k in range(300))
    with pytest.raises(UserError, match="is multiallelic"):
        load_haplotypes(write(text(record(["0|300", "0|0", "0|0"], alt=many))))
    with pytest.raises(UserError, match="has no contig and position"):
        load_haplotypes(write(text(record(["0|1", "0|0", "0|0"], 10**25))))


def test_two_records_at_one_position_with_other_alleles_are_two_sites(write):
    path = write(text(GOOD[0], record(["0|1", "0|0", "0|0"], 10, alt="G")))
    assert load_haplotypes(path).alleles.shape == (6, 2)


BROKEN = {
    "an unsorted file": (text(GOOD[1], GOOD[0]), "1:10 stands after 1:20: sort it"),
    "too few columns": (text(record(["0|1", "1|1"])), r"line 8 .1:10. has 2 genotypes for 3 people"),
    "too many columns": (text(record(["0|1", "1|1", "0|0", "0|0"])), "has 4 genotypes for 3 people"),
    "a letter for an allele": (text(record(["0|x", "1|1", "0|0"])), "has no genotype in sample A: '0|x'"),
    "no GT": (text(record(["1", "1", "1"], format="DP")), "has no genotypes: its FORMAT is 'DP'"),
    "three alleles": (text(record(["1|1|0", "0|0|0", "0|0|0"])), "has more than two alleles in sample A: '1|1|0'"),
    "an allele that is none of ALT": (text(record(["0|2", "0|0", "0|0"])), "has the allele 2, but 1 ALT"),
    "an allele without ALT": (text(record(["0|1", "0|0", "0|0"], alt=".")), "has the allele 1, but no ALT"),
    "a position that is none": (
        text(GOOD[0], record(["0|1", "1|1", "0|0"], "2x")),
        "line 9 has no contig and position",
    ),
    "a reference that is none": (text(record(["0|1", "1|1", "0|0"], ref="Q#")), "has no valid ID, REF and ALT"),
    "a cut line": (text(*GOOD)[:-8], r"line 10 .2:5. has 2 genotypes for 3 people"),
    "a blank line": (text(GOOD[0], "\n", GOOD[1]), "line 9 has 1 columns instead of 12"),
    "no header": (GOOD[0], "is not VCF: its first line is not ##fileformat"),
    "half a header": (text()[:200], "ends within its header|must be the line of columns"),
    "no people": (text(samples=()), "has no people"),
    "no record": (text(), "has no record"),
    "a sample twice": (text(GOOD[0], samples=("A", "B", "A")), "has the sample 'A' twice"),
    "bytes that are no text": (text(GOOD[0]).encode() + b"1\xff" + GOOD[1].encode(), "line 9 is not text"),
    "nothing": ("", "is empty"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_refused_in_one_sentence(case, write):
    content, message = BROKEN[case]
    with pytest.raises(UserError, match=message) as caught:
        load_haplotypes(write(content))
    assert "\n" not in str(caught.value)


def test_arguments_are_checked(write):
    path = write(text(*GOOD))
    for arguments, message in (
        ({"region": "3"}, "has no contig '3'; it has 1, 2"),
        ({"region": "1:50-60"}, "has no record in the region 1:50-60"),
        ({"region": "1:60-50"}, "is not a region"),
        ({"samples": ["A", "Z"]}, "lacks 1 of 2 people, the first is 'Z'"),
        ({"irregular": "missing=maybe"}, "is not a rule: give refuse, drop"),
        ({"info": "SEC"}, "1:10 has no INFO/SEC to cut sections by"),
    ):
        with pytest.raises(UserError, match=message):
            load_haplotypes(path, **arguments)
    with pytest.raises(UserError, match="There is no file"):
        load_haplotypes("no.vcf")
    with pytest.raises(UserError, match="is not a file of variants"):
        load_haplotypes("no.txt")
    assert parse_irregular("drop,missing=impute")["missing"] == "impute"
    assert parse_region("chr1:1,000-2,000") == ("chr1", 1000, 2000)


def test_a_kill_or_an_error_leaves_no_store(write, tmp_path):
    with pytest.raises(UserError):
        HaplotypeStore.create(tmp_path / "store", [write(text(GOOD[0], IRREGULAR["missing"][0]))])
    assert not [p for p in tmp_path.iterdir() if p.suffix != ".vcf"]


def test_the_store_gives_sites_and_people(write, tmp_path):
    store = HaplotypeStore.create(tmp_path / "store", [write(text(*GOOD))])
    np.testing.assert_array_equal(store.read(slice(1, 3), people=[2, 0]).alleles, ALLELES[[4, 5, 0, 1], 1:])
    assert store.read(slice(0, 1)).sites["id"].tolist() == ["."]
    few = HaplotypeStore.create(tmp_path / "few", [write(text(*GOOD))], min_count=2)
    assert few.sites["position"].tolist() == [10, 20]
    assert few.about["dropped"]["rare"] == 1
    assert (tmp_path / "store" / "bits.u8").stat().st_size == 3


@pytest.fixture(scope="module")
def simulated():
    return simulate_haplotypes(30, 60_000, seed=3)[0]


def test_round_trip_with_a_second_reader_and_an_index(simulated, tmp_path):
    import pysam

    path = tmp_path / "out.vcf.gz"
    write_vcf(path, simulated.alleles, simulated.sites, simulated.samples, {"1": 60_000}, ["A note."])
    again = load_haplotypes(path)
    np.testing.assert_array_equal(again.alleles, simulated.alleles)
    assert again.samples == simulated.samples
    assert again.sites.drop(columns="section").equals(simulated.sites.drop(columns="section"))
    with pysam.VariantFile(str(path)) as file:
        assert "##tfvae_note=A note." in str(file.header)
        for k, variant in enumerate(file):
            calls = [call["GT"] for call in variant.samples.values()]
            assert all(call.phased for call in variant.samples.values())
            np.testing.assert_array_equal(np.ravel(calls), simulated.alleles[:, k])
            assert variant.info["AC"] == (simulated.alleles[:, k].sum(),)
            assert variant.info["AN"] == len(simulated.alleles)
        middle = int(simulated.sites["position"].median())
        fetched = [v.pos for v in file.fetch("1", middle - 1, middle)]
    assert fetched == [middle] or not fetched
    by_index = load_haplotypes(path, region=f"1:{middle}-60000")
    np.testing.assert_array_equal(by_index.alleles, simulated.alleles[:, simulated.sites["position"] >= middle])


def test_a_written_file_is_refused_where_it_was_cut(simulated, tmp_path):
    path = tmp_path / "whole.vcf.gz"
    write_vcf(path, simulated.alleles, simulated.sites)
    whole = path.read_bytes()
    for size, message in ((len(whole) - 28, "does not end in a BGZF end block"), (len(whole) // 2, "truncated")):
        cut = tmp_path / "cut.vcf.gz"
        cut.write_bytes(whole[:size])
        with pytest.raises(UserError, match=message):
            load_haplotypes(cut)
    plain = gzip.compress(gzip.decompress(whole))
    cut.write_bytes(plain)
    np.testing.assert_array_equal(load_haplotypes(cut).alleles, simulated.alleles)
    cut.write_bytes(plain[: len(plain) // 2])
    with pytest.raises(UserError, match="truncated"):
        load_haplotypes(cut)


def test_an_index_out_of_date_is_refused(simulated, tmp_path):
    path = tmp_path / "x.vcf.gz"
    write_vcf(path, simulated.alleles, simulated.sites)
    os.utime(path.with_name("x.vcf.gz.tbi"), (1, 1))
    with pytest.raises(UserError, match="is older than x.vcf.gz: index it again"):
        load_haplotypes(path, region="1:1-10000")
    path.with_name("x.vcf.gz.tbi").write_bytes(b"no index")
    with pytest.raises(UserError, match="index of .* does not fit the file"):
        load_haplotypes(path, region="1:1-10000")


def test_writing_is_checked(simulated, tmp_path):
    with pytest.raises(UserError, match="ask for an even number"):
        write_vcf(tmp_path / "x.vcf", simulated.alleles[:3], simulated.sites)
    with pytest.raises(UserError, match=r"ends in .vcf or .vcf.gz"):
        write_vcf(tmp_path / "x.txt", simulated.alleles, simulated.sites)
    with pytest.raises(ValueError, match="write draws"):
        write_vcf(tmp_path / "x.vcf", simulated.alleles * 0.5, simulated.sites)
    with pytest.raises(UserError, match="cannot be written"):
        write_vcf(tmp_path / "none" / "x.vcf", simulated.alleles, simulated.sites)


def test_sites_are_matched_by_contig_position_and_alleles(simulated):
    order = np.random.default_rng(0).permutation(len(simulated.sites))
    shuffled = type(simulated)(simulated.alleles[:, order], simulated.sites.iloc[order], simulated.samples)
    np.testing.assert_array_equal(match_sites(shuffled, simulated.sites, "x"), simulated.alleles)
    sites = simulated.sites.copy()
    sites.loc[2, ["ref", "alt"]] = simulated.sites.loc[2, ["alt", "ref"]].to_numpy()
    with pytest.raises(UserError, match="with REF and ALT swapped"):
        match_sites(simulated, sites, "x")
    sites.loc[2, "alt"] = "ACGT"
    with pytest.raises(UserError, match="has other alleles at"):
        match_sites(simulated, sites, "x")
    sites.loc[2, "position"] = 59_999
    with pytest.raises(UserError, match="x lacks the site 1:59999"):
        match_sites(simulated, sites, "x")
    with pytest.raises(UserError, match="its contigs are 1"):
        match_sites(simulated, simulated.sites.assign(contig="chr1"), "x")


def test_zarr_reads_as_vcf_does(write, tmp_path):
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "x.vcz"
    group = zarr.open(str(path), mode="w", zarr_format=2)
    arrays = {
        "call_genotype": ALLELES.T.reshape(3, 3, 2).astype("int8"),
        "call_genotype_phased": np.ones((3, 3), bool),
        "variant_position": np.array([10, 20, 5], "int32"),
        "variant_contig": np.array([0, 0, 1], "int8"),
    }
    words = {
        "variant_allele": [["A", "C"]] * 3, "sample_id": ["A", "B", "C"], "contig_id": ["1", "2"],
        "variant_id": [".", ".", "."],
    }  # fmt: skip
    for name, values in arrays.items():
        group.create_array(name, data=values)
    for name, values in words.items():
        group.create_array(name, data=np.array(values, "U4"))
    from_zarr, from_vcf = load_haplotypes(path), load_haplotypes(write(text(*GOOD)))
    np.testing.assert_array_equal(from_zarr.alleles, from_vcf.alleles)
    assert from_zarr.sites.equals(from_vcf.sites)
    group["call_genotype"][0, 0] = [-1, 1]
    with pytest.raises(UserError, match="is missing in sample A"):
        load_haplotypes(path)
    del group["call_genotype_phased"]
    with pytest.raises(UserError, match="it has no array call_genotype_phased"):
        load_haplotypes(path)


def oracle(content):
    """The alleles of a small VCF by splitting its lines, or None where the lines are no regular VCF of three people."""
    rows, seen, last = [], set(), None
    for line in content.split("\n"):
        if not line or line.startswith("#"):
            continue
        fields = line.rstrip("\r").split("\t")
        if len(fields) != 12 or not fields[1].isdecimal() or fields[8].split(":")[0] != "GT":
            return None
        alleles = []
        for call in fields[9:]:
            pair = (
                call.split(":")[0].replace("/", "|" if len(set(call.split(":")[0].split("/"))) == 1 else "/").split("|")
            )
            if len(pair) != 2 or not set(pair) <= {"0", "1"}:
                return None
            alleles += map(int, pair)
        site = (fields[0], int(fields[1]), fields[3], fields[4])
        if site in seen or (last and site[0] == last[0] and site[1] < last[1]):
            return None
        seen.add(site)
        last = site
        rows.append(alleles)
    return np.array(rows).T


def test_fuzz_a_clean_error_or_a_correct_reading(write):
    """Three thousand mutations of a small VCF, each of a few bytes: none is read wrongly, none ends in a traceback."""
    whole = text(*GOOD, record(["1|1", "0|1", "1|0"], 50, contig="2", info="SEC=3"))
    body = whole.index("#CHROM")
    rng = np.random.default_rng(0)
    alphabet = np.frombuffer(b"0123456789|/.\t\n:ACGT,<>xZ \r;=#-", "uint8")
    read = refused = 0
    for _ in range(3_000):
        data = bytearray(whole.encode())
        for _ in range(rng.integers(1, 3)):
            at = int(rng.integers(body, len(data)))
            kind = rng.choice(4, p=(0.7, 0.1, 0.15, 0.05))
            if kind == 0:
                data[at] = rng.choice(alphabet)
            elif kind == 1:
                del data[at : at + int(rng.integers(1, 6))]
            elif kind == 2:
                data.insert(at, rng.choice(alphabet))
            else:
                del data[at:]
            if len(data) <= body:
                break
        try:
            found = load_haplotypes(write(bytes(data)))
        except UserError:
            refused += 1
            continue
        expected = oracle(data.decode())
        read += 1
        assert expected is not None, repr(data.decode()[body:])
        np.testing.assert_array_equal(found.alleles, expected, err_msg=repr(data.decode()[body:]))
    assert min(read, refused) > 200


@pytest.mark.skipif(not os.path.isdir(f"{DATA}/haplotypes"), reason="needs TFVAE_DATA")
def test_the_real_file_equals_its_packed_copy(tmp_path):
    store = HaplotypeStore.create(tmp_path / "store", [f"{DATA}/haplotypes/1000g_chr1_sections_0-9.vcf.gz"], info="SEC")
    with np.load(f"{DATA}/haplotypes/haplotypes.npz") as packed:
        expected = np.unpackbits(packed["bits"], axis=1)[:, : int(packed["n_haplotypes"])]
        assert store.samples == packed["sample"].tolist()
        np.testing.assert_array_equal(store.sites["position"], packed["pos"])
        np.testing.assert_array_equal(store.sites["section"], packed["section"])
        np.testing.assert_array_equal(store.read().alleles, expected.T)
    people = np.array([5, 2])
    np.testing.assert_array_equal(store.read(slice(7, 90), people).alleles, expected[7:90, haplotypes_of(people)].T)


@pytest.mark.skipif(not os.path.isdir(f"{DATA}/vcf"), reason="needs TFVAE_DATA")
def test_real_files_with_symbolic_alleles_and_of_bcf():
    path = f"{DATA}/vcf/genotype_plot_1000G_p3_chr1_11.70-11.84Mb.vcf.gz"
    with pytest.raises(UserError, match="1:11725309 .T><CN0>. is symbolic"):
        load_haplotypes(path)
    assert load_haplotypes(path, irregular="symbolic=drop").alleles.shape == (5008, 4294)
    bcf = f"{DATA}/vcf/shapeit4_1000G_chr20_1-4Mb_300samples.bcf"
    region = load_haplotypes(bcf, region="20:2000000-2100000")
    assert region.alleles.shape[0] == 600
    assert region.sites["position"].between(2_000_000, 2_100_000).all()
