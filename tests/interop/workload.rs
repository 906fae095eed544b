//! What happens to a cluster between two backups.

use pgkeep_testkit::cluster::Cluster;
use pgkeep_testkit::suite::TestResult;

/// Big and small tables, a second database, and with a tablespace a table in it.
pub fn first(cluster: &Cluster, tablespace: bool) -> TestResult {
    cluster.sql(
        "create table big (id int primary key, v text, n int);
         insert into big select g, md5(g::text) || md5((g * 7)::text), g % 100 from generate_series(1, 30000) g;
         create table small (id int); insert into small select generate_series(1, 10);
         create table empty_one (id int);
         create unlogged table not_logged (id int); insert into not_logged select generate_series(1, 1000);
         create table to_truncate as select generate_series(1, 20000) n;",
    )?;
    cluster.sql("create database second")?;
    cluster.sql_in("second", "create table t (id int, v text); insert into t select g, repeat('x', 100) from generate_series(1, 5000) g")?;
    if tablespace {
        let place = cluster.scratch().make_dir("ts")?;
        cluster.sql(&format!(
            "create tablespace ts location '{}'",
            place.display()
        ))?;
        cluster.sql("create table in_ts (id int, v text) tablespace ts; insert into in_ts select g, md5(g::text) from generate_series(1, 8000) g")?;
    }
    cluster.sql("checkpoint")?;
    Ok(())
}

/// Small changes in a big table, a truncated and a dropped one, new ones.
pub fn second(cluster: &Cluster, tablespace: bool) -> TestResult {
    cluster.sql(
        "update big set n = n + 1 where id % 500 = 0;
         truncate to_truncate; drop table small; create table small_again as select generate_series(1, 20) n;
         insert into empty_one values (1);",
    )?;
    cluster.sql_in("second", "delete from t where id % 2 = 0; vacuum full t")?;
    if tablespace {
        cluster.sql("insert into in_ts select g, 'more' from generate_series(1, 100) g")?;
    }
    cluster.sql("create database third")?;
    cluster.sql("checkpoint")?;
    Ok(())
}

/// A dropped database and more changes of both kinds.
pub fn third(cluster: &Cluster, tablespace: bool) -> TestResult {
    cluster.sql("drop database third")?;
    cluster.sql("update big set v = v || '.' where id between 100 and 200; insert into small_again values (99)")?;
    if tablespace {
        cluster.sql("vacuum full in_ts")?;
    }
    cluster.sql("checkpoint")?;
    Ok(())
}
