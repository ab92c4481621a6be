"""Small VCFs by hand, and what a reader must make of them."""

HEADER = (
    "##fileformat=VCFv4.2\n"
    "##contig=<ID=1,length=100000>\n##contig=<ID=2,length=50000>\n"
    '##INFO=<ID=SEC,Number=1,Type=Integer,Description="Section">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
)


def columns(samples):
    return "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]) + "\n"


def record(calls, position=10, contig="1", ref="A", alt="C", info=".", format="GT"):
    return "\t".join([contig, str(position), ".", ref, alt, ".", ".", info, format, *calls]) + "\n"


def text(*records, samples=("A", "B", "C")):
    return HEADER + columns(samples) + "".join(records)
