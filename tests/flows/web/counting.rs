//! What operators see on the overview equals what is there, counted one by one, in the middle of a load.

use faena_tests::wait::eventually;
use queue::{Queue, operations::State};
use scraper::Selector;

use super::{Page, Web};
use crate::engine::counting::{Counts, brute_force, frozen_load};

#[tokio::test]
async fn the_overview_equals_a_count_by_hand() {
    let web = Web::start().await.with_demo_accounts().await;
    let operator = web.signed_in("operadora").await;
    let _worker = frozen_load(&web.stores).await;

    let counted = brute_force(&web.stores).await;
    // On a busy machine the stores may answer later than the page waits for them: it says so instead.
    let told = eventually("the overview", async || counts_of(&operator.page("/ops").await)).await;

    assert_eq!(told, counted);
    assert!(counted[&(Queue::Low, State::Running)] == 4 && counted[&(Queue::Default, State::Outboxed)] == 25);
}

/// What the table says of each queue; it has a line for every lane. `None`: there is no table.
fn counts_of(page: &Page) -> Option<Counts> {
    let (lane, cell) = (Selector::parse("th code").unwrap(), Selector::parse("td.amount").unwrap());
    let lines = page.each("table.counts tbody tr", |line| {
        let lane = line.select(&lane).flat_map(|lane| lane.text()).collect::<String>();
        // The first is how long the head of the line has waited. Thousands stand apart.
        let numbers = line.select(&cell).skip(1).map(|cell| {
            let digits: String = cell.text().flat_map(str::chars).filter(char::is_ascii_digit).collect();
            digits.parse::<u64>().unwrap()
        });
        (lane, numbers.collect::<Vec<_>>())
    });
    let of_queue = |queue: Queue| Some((queue, lines.iter().find(|(lane, _)| lane.trim() == queue.as_str())?.1.clone()));
    let queues: Option<Vec<(Queue, Vec<u64>)>> = Queue::ALL.into_iter().map(of_queue).collect();
    let counts = |(queue, numbers): (Queue, Vec<u64>)| {
        assert_eq!(numbers.len(), State::ALL.len());
        State::ALL.into_iter().zip(numbers).map(move |(state, number)| ((queue, state), number)).collect::<Vec<_>>()
    };
    Some(queues?.into_iter().flat_map(counts).collect())
}
