//! Draws the results: what a day adds, and the speed.

use std::path::Path;

use e2e::{Failure, Result};
use plotters::prelude::*;

use crate::{
    Limits,
    peers::{Peer, Sample},
    report::{self, STEPS},
};

const SIZE: (u32, u32) = (900, 380);
const COLORS: [RGBColor; 5] = [
    RGBColor(26, 120, 111),
    RGBColor(200, 130, 60),
    RGBColor(120, 120, 170),
    RGBColor(180, 90, 120),
    RGBColor(150, 150, 150),
];

/// Two panels: MB added (logarithmic), and MB per CPU-second.
pub(crate) fn draw(file: &Path, samples: &[Sample], limits: &Limits) -> Result<()> {
    let mut peers: Vec<Peer> = Vec::new();
    for sample in samples {
        if !peers.contains(&sample.peer) {
            peers.push(sample.peer);
        }
    }
    let (mut added, mut speed) = (Vec::new(), Vec::new());
    for peer in &peers {
        let values =
            (0..STEPS.len()).map(|step| report::of(samples, *peer, step)).collect::<Result<Vec<_>>>()?;
        added.push((peer.name(), values[..3].iter().map(|(_, added)| *added).collect::<Vec<_>>()));
        speed.push((peer.name(), values.iter().map(|(speed, _)| *speed).collect::<Vec<_>>()));
    }
    let alone = limits.alone.map(|bytes| bytes as f64 / 1e6);
    added.push(("changed rows alone", vec![0.0, alone[0], alone[1]]));
    speed.push(("bare pipeline", vec![limits.bare, 0.0, 0.0, 0.0]));

    let failed = |error: &dyn std::fmt::Display| Failure::new(format!("plot: {error}"));
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(|e| failed(&e))?;
    let (left, right) = root.split_horizontally(SIZE.0 / 2);
    bars(&left, "MB added (log)", &STEPS[..3], &added, true).map_err(|e| failed(&e))?;
    bars(&right, "MB per CPU-second", &STEPS, &speed, false).map_err(|e| failed(&e))?;
    root.present().map_err(|e| failed(&e))
}

type Drawing<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn bars(
    area: &Drawing<'_>,
    title: &str,
    steps: &[&str],
    programs: &[(&str, Vec<f64>)],
    logarithmic: bool,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let most = programs.iter().flat_map(|(_, values)| values).fold(1.0, |a: f64, b| a.max(*b));
    // Logarithms of 100 times the value, so that the axis starts at 10 KB.
    let height = |value: f64| if logarithmic { (value * 100.0).max(1.0).log10() } else { value };
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..steps.len() as f64, 0.0..height(most) * 1.5)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_label_formatter(&|y| {
            if logarithmic { format!("{}", 10_f64.powf(*y) / 100.0) } else { format!("{y}") }
        })
        .y_labels(6)
        .draw()?;
    let width = 0.8 / programs.len() as f64;
    for (at, (name, values)) in programs.iter().enumerate() {
        let color = COLORS[at.min(COLORS.len() - 1)];
        let boxes = values.iter().enumerate().filter(|(_, value)| **value > 0.0).map(|(step, value)| {
            let x = step as f64 + 0.1 + at as f64 * width;
            Rectangle::new([(x, 0.0), (x + width * 0.9, height(*value))], color.filled())
        });
        chart
            .draw_series(boxes)?
            .label(*name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], color.filled()));
    }
    let words = steps.iter().enumerate().map(|(step, name)| {
        let style = ("sans-serif", 12).into_font();
        Text::new((*name).to_owned(), (step as f64 + 0.15, -height(most) * 0.03), style)
    });
    chart.draw_series(words)?;
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .position(SeriesLabelPosition::UpperRight)
        .draw()?;
    Ok(())
}
