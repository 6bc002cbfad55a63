-- The factory's stations, for SQLite and for MariaDB.
CREATE TABLE stations (
    code VARCHAR(20) PRIMARY KEY,
    hall VARCHAR(10) NOT NULL,
    place VARCHAR(100) NOT NULL
);
INSERT INTO stations (code, hall, place) VALUES
    ('18-546', '18', '车体新厂房3号'),
    ('18-547', '18', '车体新厂房4号'),
    ('20-001', '20', '总装线1号');
