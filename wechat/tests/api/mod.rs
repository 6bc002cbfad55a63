//! The client against a pretend WeChat on a real socket.

mod pretend;
mod secrecy;
mod send;
mod token;
mod upload;
