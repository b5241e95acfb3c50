//! The help desk's dashboard: its figures are those of an oracle, made once for everybody, and never of before a change.

mod figures;
mod flights;

use faena_tests::process::Process;
use reqwest::StatusCode;
use scraper::Selector;

use super::{
    Page, SCRAPER_TOKEN, Visitor, Web,
    help_desk::{desk, furnished},
    settings,
};

impl Page {
    /// The cells of a table's rows; of a time its seconds.
    fn cells(&self, rows: &str, cells: &str) -> Vec<Vec<String>> {
        let (cells, data) = (Selector::parse(cells).unwrap(), Selector::parse("data").unwrap());
        self.each(rows, |row| {
            row.select(&cells)
                .map(|cell| match cell.select(&data).next().and_then(|data| data.attr("value")) {
                    Some(value) => value.to_owned(),
                    None => cell.text().collect::<String>().trim().to_owned(),
                })
                .collect()
        })
    }

    /// A figure at the top, by its name.
    fn figure(&self, name: &str) -> String {
        let (names, figures) = (self.texts("dl.figures dt"), self.texts("dl.figures dd"));
        let place = names.iter().position(|of| of == name).unwrap_or_else(|| panic!("no {name} in {names:?}"));
        figures[place].clone()
    }
}

impl Visitor {
    /// The same person, with the same browser, at another web.
    fn at(&self, web: &Process) -> Self {
        Self { client: self.client.clone(), site: format!("http://{}", web.addr) }
    }

    async fn dashboard(&self) -> Page {
        let page = self.page("/tablero").await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.html);
        page
    }
}

/// How often figures came about in that way in a web.
async fn counted(visitor: &Visitor, result: &str) -> u64 {
    let asked = visitor.asks("/metrics").bearer_auth(SCRAPER_TOKEN).send().await.unwrap().text().await.unwrap();
    let of = format!("result=\"{result}\"");
    let lines = asked.lines().filter(|line| line.starts_with("faena_web_figures_total{") && line.contains(&of));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}
