//! What the tests share: stores of their own, servers that can be broken, processes that can be killed, and the sandbox.

pub mod controls;
pub mod gate;
pub mod http;
pub mod judge;
pub mod probe;
pub mod process;
pub mod proxy;
pub mod sales;
pub mod sandbox;
pub mod servers;
pub mod site;
pub mod slack;
pub mod stores;
pub mod strain;
pub mod wait;
