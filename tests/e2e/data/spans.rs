// SPDX-License-Identifier: GPL-2.0-or-later
// Functions, methods, generics and a panic that passes through them.
use std::panic;
use std::time::Instant;

mod app {
    use std::time::{Duration, Instant};

    pub fn burn(us: u64) {
        let end = Instant::now() + Duration::from_micros(us);
        while Instant::now() < end {}
    }

    pub struct Work {
        pub spent: u128,
    }

    impl Work {
        #[inline(never)]
        pub fn run(&mut self, n: i32) -> i32 {
            let t = Instant::now();
            burn(500);
            self.spent += t.elapsed().as_nanos();
            if n % 3 == 0 {
                panic!("no");
            }
            n + 1
        }
    }

    #[inline(never)]
    pub fn generic<T: Into<f64>>(x: T) -> f64 {
        burn(20);
        x.into() + 1.0
    }
}

fn main() {
    let mut work = app::Work { spent: 0 };
    let mut panics = 0;
    let mut sink = 0.0;
    let start = Instant::now();
    panic::set_hook(Box::new(|_| {}));
    for i in 0..90 {
        match panic::catch_unwind(panic::AssertUnwindSafe(|| work.run(i))) {
            Ok(n) => sink += n as f64,
            Err(_) => panics += 1,
        }
        sink += app::generic(1.5f32) + app::generic(i);
    }
    println!(
        "{{\"calls\": 90, \"panics\": {}, \"ns\": {}, \"all\": {}, \"sink\": {}}}",
        panics,
        work.spent,
        start.elapsed().as_nanos(),
        sink
    );
}
