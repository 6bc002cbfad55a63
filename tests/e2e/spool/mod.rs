//! While Redis is out of reach messages are acked from a spool on disk, and nothing is lost, doubled or out of order.

mod commands;
mod crash;
mod order;
mod outage;
mod talk;
