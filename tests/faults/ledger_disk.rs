//! The disk on which the ledger lies, small enough to be filled.

use std::{
    fs::{File, Permissions},
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, chown},
    path::PathBuf,
    process::Command,
};

use anyhow::{Context as _, ensure};
use nix::unistd::User;
use sqlx::{AssertSqlSafe, PgPool};
use tempfile::TempDir;

const SIZE: &str = "size=160m,mode=0755";
const TABLES: [&str; 2] = ["jobs", "attempts"];

/// Where a disk of our own can be mounted, the ledger lies on one and Postgres meets a real "no space left on device" there.
/// Elsewhere a trigger says the same.
pub(crate) enum LedgerDisk {
    Small(TempDir),
    Pretended,
}

impl LedgerDisk {
    /// `tests/run` says whether mounts are ours alone.
    pub(crate) async fn under(db: &PgPool) -> anyhow::Result<Self> {
        if std::env::var_os("FAENA_FAULTS_MAY_MOUNT").is_none() {
            return Ok(Self::Pretended);
        }
        let disk = TempDir::new().context("a folder for the ledger's disk")?;
        std::fs::set_permissions(disk.path(), Permissions::from_mode(0o755))?;
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "tmpfs"]).arg(disk.path()).status()?;
        ensure!(mounted.success(), "the ledger's disk cannot be mounted");
        let disk = Self::Small(disk);
        let folder = disk.path("ledger");
        std::fs::create_dir(&folder)?;
        if let Some(user) = User::from_name("postgres")? {
            chown(&folder, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        let run = async |statement: String| sqlx::raw_sql(AssertSqlSafe(statement)).execute(db).await;
        run(format!("create tablespace small location '{}'", folder.display())).await?;
        for table in TABLES {
            run(format!("alter table faena.{table} set tablespace small")).await?;
            let indexes: Vec<(String,)> =
                sqlx::query_as("select indexname from pg_indexes where schemaname = 'faena' and tablename = $1")
                    .bind(table)
                    .fetch_all(db)
                    .await?;
            for (index,) in indexes {
                run(format!("alter index faena.{index} set tablespace small")).await?;
            }
        }
        Ok(disk)
    }

    fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::Small(disk) => disk.path().join(name),
            Self::Pretended => PathBuf::new(),
        }
    }

    /// No more room.
    pub(crate) async fn fill(&self, db: &PgPool) -> anyhow::Result<()> {
        match self {
            Self::Small(_) => {
                let mut ballast = File::create(self.path("ballast"))?;
                for size in [1 << 20, 4096] {
                    let piece = vec![0; size];
                    while ballast.write_all(&piece).is_ok() {}
                }
            }
            Self::Pretended => {
                let refuse = "create or replace function probe.refuse_full() returns trigger language plpgsql as $$ begin \
                    raise exception using errcode = 'disk_full', message = 'could not extend file: No space left on device'; \
                    end $$";
                sqlx::raw_sql(refuse).execute(db).await?;
                for table in TABLES {
                    let trigger = format!(
                        "create trigger disk_full before insert on faena.{table} for each row execute function probe.refuse_full()"
                    );
                    sqlx::raw_sql(AssertSqlSafe(trigger)).execute(db).await?;
                }
            }
        }
        Ok(())
    }

    /// Room again.
    pub(crate) async fn free(&self, db: &PgPool) -> anyhow::Result<()> {
        match self {
            Self::Small(_) => match std::fs::remove_file(self.path("ballast")) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            },
            Self::Pretended => {
                for table in TABLES {
                    let drop = format!("drop trigger if exists disk_full on faena.{table}");
                    sqlx::raw_sql(AssertSqlSafe(drop)).execute(db).await?;
                }
            }
        }
        Ok(())
    }
}

impl Drop for LedgerDisk {
    fn drop(&mut self) {
        if let Self::Small(disk) = self {
            let _ = Command::new("umount").arg("-l").arg(disk.path()).status();
        }
    }
}
