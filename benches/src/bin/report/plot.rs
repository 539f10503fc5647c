//! Plots, logarithmic on both axes.

use std::error::Error;
use std::ops::Range;

use authz_benches::float;
use plotters::prelude::*;

use crate::figure::{Figures, Question};

const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// A line: its name and the points on it.
type Line = (String, Vec<(f64, f64)>);

/// `allows` on mesh policies, a line a stream.
pub(crate) fn rules(figures: &Figures) -> Result<String, Box<dyn Error>> {
    let lines = ["uniform", "zipf", "hit", "miss", "worst"].map(|stream| line(figures, "mesh-", stream, stream.into()));
    draw("Mesh policies: allows, median", "rules", &lines)
}

/// `allows` on block lists, a line a family and stream.
pub(crate) fn prefixes(figures: &Figures) -> Result<String, Box<dyn Error>> {
    let kinds = [("block4-", "IPv4"), ("block6-", "IPv6")];
    let lines = kinds.into_iter().flat_map(|(input, family)| {
        ["zipf", "hit", "miss"].map(|stream| line(figures, input, stream, format!("{family} {stream}")))
    });
    draw("Block lists: allows, median", "prefixes", &lines.collect::<Vec<_>>())
}

fn line(figures: &Figures, prefix: &str, stream: &str, name: String) -> Line {
    let is_point = |input: &str| input.strip_prefix(prefix).is_some_and(|size| size.bytes().all(|byte| byte.is_ascii_digit()));
    let points = figures
        .of(Question::Decide)
        .filter(|figure| figure.subject == "allows" && figure.stream == stream && is_point(&figure.input))
        .map(|figure| (float(figure.size), figure.median));
    (name, points.collect())
}

fn draw(title: &str, unit: &str, lines: &[Line]) -> Result<String, Box<dyn Error>> {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (820, 480)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(70)
            .build_cartesian_2d(around(points().map(|(x, _)| *x)).log_scale(), around(points().map(|(_, y)| *y)).log_scale())?;
        let decade = |value: &f64| format!("{value}");
        let mut mesh = chart.configure_mesh();
        mesh.x_desc(unit).y_desc("ns per decision").x_label_formatter(&decade).y_label_formatter(&decade).draw()?;
        for ((name, points), colour) in lines.iter().zip(COLOURS) {
            let style = colour.stroke_width(2);
            let legend = move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], style);
            chart.draw_series(LineSeries::new(points.iter().copied(), style).point_size(3))?.label(name).legend(legend);
        }
        let mut labels = chart.configure_series_labels();
        labels.position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.8)).border_style(BLACK).draw()?;
        area.present()?;
    }
    Ok(text)
}

/// Whole decades around values.
fn around(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (min, max) = values.fold((f64::INFINITY, 0.0_f64), |(min, max), value| (min.min(value), max.max(value)));
    if !min.is_finite() {
        return 1.0..10.0;
    }
    10_f64.powf(min.max(0.1).log10().floor())..10_f64.powf(max.log10().ceil().max(min.log10().floor() + 1.0))
}
