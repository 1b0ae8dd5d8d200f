//! Directed acyclic graphs in layers, from left to right.
//!
//! The layout is Sugiyama's in its plainest form (Sugiyama, Tagawa and Toda, 1981): each node in
//! the layer after its last predecessor, place holders where an edge crosses a layer, a few
//! sweeps that put nodes at the median of their neighbours, and curves between layers.

use std::collections::BTreeMap;

use crate::bars::push;
use crate::xml::{escape, fit};

/// A box.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Node {
    /// What edges call it.
    pub id: String,
    /// The first line.
    pub title: String,
    /// The second line.
    pub note: String,
    /// Style class, for example a light.
    pub class: String,
    /// Where a click leads.
    pub href: Option<String>,
}

/// A graph to be drawn.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Dag {
    /// What it shows, for those who cannot see it.
    pub title: String,
    /// The boxes, first ones on top.
    pub nodes: Vec<Node>,
    /// From, to, and what stands on the edge. Edges of unknown nodes, to oneself, or closing a
    /// circle, are left out.
    pub edges: Vec<(String, String, String)>,
}

const BOX_WIDTH: usize = 168;
const BOX_HEIGHT: usize = 46;
const GAP_X: usize = 64;
const GAP_Y: usize = 18;
const SWEEPS: usize = 6;

/// The colours of a picture outside a page.
const STYLE: &str = "text{font-family:sans-serif;font-size:14px;fill:#1f2328}\
    .edge{fill:none;stroke:#8c959f;stroke-width:1.5}.head{fill:#8c959f}\
    .label,.note{font-size:12px;fill:#57606a}\
    .node rect{fill:#fff;stroke:#6e7781;stroke-width:1.5}.foreign rect{stroke-dasharray:4 3}\
    .red rect{fill:#fff1f0;stroke:#b3261e;stroke-width:2.5}\
    .yellow rect{fill:#fff8e0;stroke:#9a6700;stroke-width:2.5}\
    .green rect{fill:#eefbf0;stroke:#1a7f37;stroke-width:2.5}";

/// A box or a place holder in its layer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Slot {
    Node(usize),
    Bend { edge: usize },
}

struct Layout {
    layers: Vec<Vec<Slot>>,
    /// Each kept edge as the slots it runs through: layer and position.
    paths: Vec<(usize, Vec<(usize, Slot)>)>,
}

impl Dag {
    /// The picture. Its size follows from the graph; a page scales or scrolls it.
    ///
    /// ```
    /// # use duban_documents::{Dag, Node};
    /// let node = |id: &str| Node { id: id.to_owned(), title: id.to_owned(), ..Node::default() };
    /// let edge = ("计划".to_owned(), "报送".to_owned(), String::new());
    /// let dag = Dag { title: "措施".to_owned(), nodes: vec![node("计划"), node("报送")], edges: vec![edge] };
    /// assert_eq!(dag.svg().matches("<rect").count(), 2);
    /// ```
    pub fn svg(&self) -> String {
        let layout = self.layout();
        let tallest = layout.layers.iter().map(Vec::len).max().unwrap_or(0);
        let columns = layout.layers.len();
        let width = columns * (BOX_WIDTH + GAP_X) + 16 - GAP_X.min(columns * GAP_X);
        let height = tallest * (BOX_HEIGHT + GAP_Y) + 16;
        // A picture with links in it is no longer one thing.
        let has_links = self.nodes.iter().any(|node| node.href.is_some());
        let role = if has_links { "group" } else { "img" };
        let mut svg = format!(
            "<svg class=\"dag\" role=\"{role}\" aria-label=\"{}\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"0 0 {width} {height}\">",
            escape(&self.title)
        );
        let at = |layer: usize, slot: Slot| {
            let slots = &layout.layers[layer];
            let row = slots.iter().position(|other| *other == slot).unwrap_or(0);
            // Short layers stand in the middle.
            let free = (tallest - slots.len()) * (BOX_HEIGHT + GAP_Y) / 2;
            (8 + layer * (BOX_WIDTH + GAP_X), 8 + free + row * (BOX_HEIGHT + GAP_Y))
        };
        for (edge, path) in &layout.paths {
            let label = &self.edges[*edge].2;
            draw_edge(&mut svg, path, label, at);
        }
        for (layer, slots) in layout.layers.iter().enumerate() {
            for slot in slots {
                if let Slot::Node(node) = slot {
                    let (x, y) = at(layer, *slot);
                    draw_node(&mut svg, &self.nodes[*node], x, y);
                }
            }
        }
        svg.push_str("</svg>");
        svg
    }

    /// The picture as a file of its own: with its colours, without links.
    ///
    /// ```
    /// # use duban_documents::{Dag, Node};
    /// let node = Node { id: "a".to_owned(), href: Some("/b".to_owned()), ..Node::default() };
    /// let file = Dag { title: "措施".to_owned(), nodes: vec![node], edges: vec![] }.file();
    /// assert!(file.contains("http://www.w3.org/2000/svg") && !file.contains("href"));
    /// ```
    pub fn file(&self) -> String {
        let mut own = self.clone();
        for node in &mut own.nodes {
            node.href = None;
        }
        let svg = own.svg();
        let (head, rest) = svg.split_once('>').expect("invariant: a picture begins with a tag");
        format!("{head} xmlns=\"http://www.w3.org/2000/svg\"><style>{STYLE}</style>{rest}")
    }

    fn layout(&self) -> Layout {
        let index: BTreeMap<&str, usize> =
            self.nodes.iter().enumerate().map(|(at, node)| (node.id.as_str(), at)).collect();
        let mut kept: Vec<(usize, usize, usize)> = Vec::new();
        for (edge, (from, to, _)) in self.edges.iter().enumerate() {
            let (Some(&from), Some(&to)) = (index.get(from.as_str()), index.get(to.as_str()))
            else {
                continue;
            };
            let is_new = kept.iter().all(|(_, f, t)| (*f, *t) != (from, to));
            if from != to && is_new && !reaches(&kept, to, from) {
                kept.push((edge, from, to));
            }
        }
        let depth = depths(self.nodes.len(), &kept);
        let columns = depth.iter().max().map_or(0, |deepest| deepest + 1);
        let mut layers: Vec<Vec<Slot>> = vec![Vec::new(); columns];
        for (node, layer) in depth.iter().enumerate() {
            layers[*layer].push(Slot::Node(node));
        }
        let mut paths = Vec::new();
        for &(edge, from, to) in &kept {
            let mut path = vec![(depth[from], Slot::Node(from))];
            for (layer, slots) in
                layers.iter_mut().enumerate().take(depth[to]).skip(depth[from] + 1)
            {
                slots.push(Slot::Bend { edge });
                path.push((layer, Slot::Bend { edge }));
            }
            path.push((depth[to], Slot::Node(to)));
            paths.push((edge, path));
        }
        let mut layout = Layout { layers, paths };
        for sweep in 0..SWEEPS {
            layout.sweep(sweep % 2 == 0);
        }
        layout
    }
}

impl Layout {
    /// Orders each layer by the median of the neighbours in the layer before it, or after it.
    fn sweep(&mut self, forward: bool) {
        let count = self.layers.len();
        let order: Vec<usize> = if forward {
            (1..count).collect()
        } else {
            (0..count.saturating_sub(1)).rev().collect()
        };
        for layer in order {
            let beside = if forward { layer - 1 } else { layer + 1 };
            let mut keyed: Vec<(usize, usize, Slot)> = self.layers[layer]
                .iter()
                .enumerate()
                .map(|(row, slot)| {
                    (self.median(layer, *slot, beside).unwrap_or(row * 2), row, *slot)
                })
                .collect();
            keyed.sort_by_key(|(median, row, _)| (*median, *row));
            self.layers[layer] = keyed.into_iter().map(|(_, _, slot)| slot).collect();
        }
    }

    /// Twice the middle position of a slot's neighbours in a layer.
    fn median(&self, layer: usize, slot: Slot, beside: usize) -> Option<usize> {
        let mut rows: Vec<usize> = Vec::new();
        for (_, path) in &self.paths {
            if path.contains(&(layer, slot))
                && let Some((_, neighbour)) = path.iter().find(|(other, _)| *other == beside)
            {
                rows.extend(self.layers[beside].iter().position(|other| other == neighbour));
            }
        }
        rows.sort_unstable();
        let middle = rows.get(rows.len() / 2)?;
        let before = rows.get((rows.len() - 1) / 2)?;
        Some(middle + before)
    }
}

fn reaches(edges: &[(usize, usize, usize)], from: usize, to: usize) -> bool {
    let mut open = vec![from];
    let mut seen = Vec::new();
    while let Some(node) = open.pop() {
        if node == to {
            return true;
        }
        if !seen.contains(&node) {
            seen.push(node);
            open.extend(edges.iter().filter(|(_, f, _)| *f == node).map(|(_, _, t)| *t));
        }
    }
    false
}

/// The longest way to each node, in edges.
fn depths(nodes: usize, edges: &[(usize, usize, usize)]) -> Vec<usize> {
    let mut depth = vec![0; nodes];
    // Without circles the longest way has fewer edges than there are nodes.
    for _ in 0..nodes {
        let mut is_settled = true;
        for (_, from, to) in edges {
            if depth[*to] < depth[*from] + 1 {
                depth[*to] = depth[*from] + 1;
                is_settled = false;
            }
        }
        if is_settled {
            break;
        }
    }
    depth
}

fn draw_edge(
    svg: &mut String,
    path: &[(usize, Slot)],
    label: &str,
    at: impl Fn(usize, Slot) -> (usize, usize),
) {
    let middle = BOX_HEIGHT / 2;
    let (layer, slot) = path[0];
    let (x, y) = at(layer, slot);
    let (mut x, mut y) = (x + BOX_WIDTH, y + middle);
    push(svg, format_args!("<path class=\"edge\" d=\"M{x} {y}"));
    for (layer, slot) in &path[1..] {
        let (to_x, to_y) = at(*layer, *slot);
        let to_y = to_y + middle;
        let half = (to_x - x) / 2;
        push(svg, format_args!(" C{} {y} {} {to_y} {to_x} {to_y}", x + half, to_x - half));
        (x, y) = (to_x, to_y);
        if matches!(slot, Slot::Bend { .. }) {
            x += BOX_WIDTH;
            push(svg, format_args!(" L{x} {y}"));
        }
    }
    svg.push_str("\"/>");
    push(svg, format_args!("<path class=\"head\" d=\"M{x} {y} l-8 -4 v8 z\"/>"));
    if !label.is_empty() {
        let label = escape(&fit(label, 8));
        push(
            svg,
            format_args!(
                "<text class=\"label\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{label}</text>",
                x - 10,
                y - 5
            ),
        );
    }
}

fn draw_node(svg: &mut String, node: &Node, x: usize, y: usize) {
    if let Some(href) = &node.href {
        push(svg, format_args!("<a href=\"{}\">", escape(href)));
    }
    push(
        svg,
        format_args!(
            "<g class=\"node {}\"><title>{} {}</title><rect x=\"{x}\" y=\"{y}\" rx=\"6\" \
             width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\"/>",
            escape(&node.class),
            escape(&node.title),
            escape(&node.note),
        ),
    );
    let (left, first, second) = (x + 10, y + 19, y + 36);
    push(
        svg,
        format_args!("<text x=\"{left}\" y=\"{first}\">{}</text>", escape(&fit(&node.title, 22))),
    );
    push(
        svg,
        format_args!(
            "<text class=\"note\" x=\"{left}\" y=\"{second}\">{}</text></g>",
            escape(&fit(&node.note, 26))
        ),
    );
    if node.href.is_some() {
        svg.push_str("</a>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dag(nodes: &[&str], edges: &[(&str, &str)]) -> Dag {
        let node =
            |id: &&str| Node { id: (*id).to_owned(), title: (*id).to_owned(), ..Node::default() };
        let edge =
            |(from, to): &(&str, &str)| ((*from).to_owned(), (*to).to_owned(), String::new());
        Dag {
            title: "t".to_owned(),
            nodes: nodes.iter().map(node).collect(),
            edges: edges.iter().map(edge).collect(),
        }
    }

    #[test]
    fn nodes_stand_after_all_they_need() {
        let dag = dag(&["a", "b", "c", "d"], &[("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")]);
        let layout = dag.layout();
        let layer = |node: usize| {
            layout.layers.iter().position(|slots| slots.contains(&Slot::Node(node))).unwrap()
        };
        assert_eq!([layer(0), layer(1), layer(2), layer(3)], [0, 1, 2, 1]);
        let long = layout.paths.iter().find(|(edge, _)| *edge == 2).unwrap();
        assert_eq!(long.1.len(), 3, "it runs through a place holder");
    }

    #[test]
    fn circles_loops_and_doubles_are_left_out() {
        let edges = [("a", "b"), ("a", "b"), ("b", "a"), ("a", "a"), ("a", "x")];
        let svg = dag(&["a", "b"], &edges).svg();
        assert_eq!(svg.matches("class=\"edge\"").count(), 1);
    }

    #[test]
    fn crossing_edges_are_untangled() {
        let layout = dag(&["a", "b", "c", "d"], &[("a", "d"), ("b", "c")]).layout();
        let row = |layer: usize, node: usize| {
            layout.layers[layer].iter().position(|slot| *slot == Slot::Node(node)).unwrap()
        };
        assert_eq!(row(0, 0) < row(0, 1), row(1, 3) < row(1, 2));
    }

    #[test]
    fn an_empty_graph_is_an_empty_picture() {
        assert!(dag(&[], &[]).svg().ends_with("</svg>"));
    }
}
