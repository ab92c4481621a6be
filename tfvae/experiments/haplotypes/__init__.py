"""VAEs on sections of phased haplotypes fall onto the densest modes, with a path between them (document 003)."""
