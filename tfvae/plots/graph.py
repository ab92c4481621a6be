"""A network as boxes and arrows, by matplotlib alone."""

from typing import Any

from matplotlib.figure import Figure


def layer_boxes(nodes: dict, edges: Any, title: str = "") -> Figure:
    """Boxes in rows by their depth, and arrows downwards.

    Args:
        nodes: dict name -> what stands below the name in its box.
        edges: pairs of names (from, to); each name comes after those it depends on.
    """
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:  # as often as the longest path at most
        for a, b in edges:
            depth[b] = max(depth[b], depth[a] + 1)
    rows = [[name for name in nodes if depth[name] == d] for d in range(max(depth.values()) + 1)]
    width = max(map(len, rows))
    figure = Figure(figsize=(3.2 * width, 0.95 * len(rows) + 0.4), layout="constrained")
    axis = figure.subplots()
    at = {name: ((k + 0.5) * width / len(row), -d) for d, row in enumerate(rows) for k, name in enumerate(row)}
    box = {"boxstyle": "round,pad=0.35", "facecolor": "#eef4f8", "edgecolor": "#0b6e99"}
    lanes = {-1: 0, 1: 0}
    for a, b in edges:
        arrow = {"arrowstyle": "-|>", "color": "0.4", "shrinkA": 0, "shrinkB": 18}
        if depth[b] == depth[a] + 1:
            axis.annotate("", at[b], at[a], arrowprops=arrow, zorder=0)
            continue
        # Past the rows between, in a lane of its own beside all boxes.
        side = 1 if at[a][0] > at[b][0] else -1
        lane = (width / 2) + side * (width / 2 + 0.1 + 0.12 * lanes[side])
        level = at[b][1] + 0.12 * (lanes[side] - 0.5)
        lanes[side] += 1
        axis.plot([at[a][0], lane, lane], [at[a][1], at[a][1], level], color="0.4", lw=1, zorder=0)
        axis.annotate("", (at[b][0], level), (lane, level), arrowprops={**arrow, "shrinkB": 48}, zorder=0)
    for name, (x, y) in at.items():
        axis.text(x, y, f"{name}\n{nodes[name]}", ha="center", va="center", fontsize=8, bbox=box)
    axis.set(xlim=(-0.2 - 0.12 * lanes[-1], width + 0.2 + 0.12 * lanes[1]), ylim=(0.4 - len(rows), 0.6))
    axis.set_axis_off()
    figure.suptitle(title)
    return figure
