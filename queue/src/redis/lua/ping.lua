#!lua flags=no-writes,allow-oom
-- Shows that the server runs scripts. It touches no key, so that nothing that is stored can hinder it.
--
-- Uses: base.
--
-- KEYS[1]  base  (none)  prefix of this shard's keys
--
-- ARGV[1]  test clock, us, or "" for the time of Redis
--
-- Returns: the time now, us, as text.

return us(now_us())
