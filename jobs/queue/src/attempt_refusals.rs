//! What a handler must not be able to write. Each example has a twin that compiles and differs in the point alone, so that none fails to
//! compile for another reason.

/// A handler cannot commit its effect: only the engine does. A step in the middle it does commit:
///
/// ```
/// async fn run(ctx: &queue::Ctx<()>) -> queue::Attempted {
///     let step = ctx.step().await?;
///     step.commit().await?;
///     Ok(queue::End::Done)
/// }
/// ```
///
/// ```compile_fail,E0624
/// async fn run(ctx: &queue::Ctx<()>) -> queue::Attempted {
///     let step = ctx.effect().await?;
///     step.commit().await?;
///     Ok(queue::End::Done)
/// }
/// ```
pub struct CommitItself;

/// A handler cannot take the transaction out of its effect, to commit it elsewhere:
///
/// ```
/// fn use_it(mut effect: queue::Effect) -> queue::Effect {
///     let connection: &mut sqlx::PgConnection = &mut effect;
///     let _ = connection;
///     effect
/// }
/// ```
///
/// ```compile_fail,E0616
/// fn use_it(mut effect: queue::Effect) -> queue::Effect {
///     let connection: &mut sqlx::PgConnection = &mut effect.0;
///     let _ = connection;
///     effect
/// }
/// ```
pub struct TakeItOut;

/// A handler cannot go on once it has handed its effect over: the effect is gone.
///
/// ```
/// async fn run(ctx: &queue::Ctx<()>) -> queue::Attempted {
///     let mut effect = ctx.effect().await?;
///     write_more(&mut effect);
///     let end = queue::End::from(effect);
///     Ok(end)
/// }
/// # fn write_more(_connection: &mut sqlx::PgConnection) {}
/// ```
///
/// ```compile_fail,E0382
/// async fn run(ctx: &queue::Ctx<()>) -> queue::Attempted {
///     let mut effect = ctx.effect().await?;
///     let end = queue::End::from(effect);
///     write_more(&mut effect);
///     Ok(end)
/// }
/// # fn write_more(_connection: &mut sqlx::PgConnection) {}
/// ```
pub struct GoOn;

/// A foreign error does not leave a handler without saying what was being done.
///
/// ```
/// use queue::OrFailure;
/// async fn run() -> queue::Attempted {
///     std::fs::read("report").context("reading the report")?;
///     Ok(queue::End::Done)
/// }
/// ```
///
/// ```compile_fail,E0277
/// use queue::OrFailure;
/// async fn run() -> queue::Attempted {
///     std::fs::read("report")?;
///     Ok(queue::End::Done)
/// }
/// ```
pub struct SayNothing;

/// Nor does a missing thing.
///
/// ```
/// use queue::OrFailure;
/// async fn run() -> queue::Attempted {
///     Some(1).or_dead("the account is gone")?;
///     Ok(queue::End::Done)
/// }
/// ```
///
/// ```compile_fail,E0277
/// use queue::OrFailure;
/// async fn run() -> queue::Attempted {
///     Some(1)?;
///     Ok(queue::End::Done)
/// }
/// ```
pub struct MissNothing;
