-- A database, and a user who may only read it; schema.sql goes on from here.
CREATE DATABASE factory CHARACTER SET utf8mb4;
CREATE USER huixin@'127.0.0.1' IDENTIFIED BY 'reads-only';
GRANT SELECT ON factory.* TO huixin@'127.0.0.1';
USE factory;
SET NAMES utf8mb4;
