// SPDX-License-Identifier: GPL-2.0-or-later
// Rust that is busy for as many seconds as it is told: closures, generics, threads, a channel, panics.
use std::collections::HashMap;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

fn work(n: u64) -> u64 {
    let mut seen: HashMap<String, u64> = HashMap::new();
    for i in 0..n {
        *seen.entry(format!("k{}", i % 5003)).or_insert(0) += i;
    }
    let mut all: Vec<_> = seen.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    all[0].1
}

fn main() {
    let seconds: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let end = Instant::now() + Duration::from_secs(seconds);
    let (tx, rx) = mpsc::channel();
    std::panic::set_hook(Box::new(|_| {}));
    for t in 0..3 {
        let tx = tx.clone();
        thread::spawn(move || {
            while Instant::now() < end {
                let _ = std::panic::catch_unwind(|| panic!("expected"));
                tx.send(work(20000 + t)).unwrap();
                thread::sleep(Duration::from_millis(2));
            }
        });
    }
    drop(tx);
    println!("{}", rx.iter().fold(0u64, |a, b| a.wrapping_add(b)));
}
