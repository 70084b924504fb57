"""All that reaches past the public interface of W&B's client, in one folder.

**Why it is here.** The lab promises what the client does not: that W&B can neither stop, slow nor
outlive a run, and that an upload which says it succeeded did, once. `wandb sync` exits with 0
whatever happened, sends again what has arrived already, so that rows are there twice, gives
up a run whose checkpoint or picture is gone, and loses an upload that was cut short. The public
functions log artifacts online only, wait for the server without an end, and cannot let go of a
wandb-core that hangs.

**The promises it keeps.**

- No row is uploaded twice: also where an upload was cut short in the middle, a resumed run has
  several parts, or one part was online and another was not.
- What was interrupted is completed by the next `lab sync`, and success is reported only once the
  server has been queried and has all.
- A file that is gone is named; the rest is uploaded.
- Nobody waits for a server: each question, each upload and the end of a run have a limit, also
  where wandb-core hangs or is dead.

**What it stands on**, and so what a new version of W&B may break (`pyproject.toml` allows one minor
version; tests/wandb_plugin runs the real client against a server of its own):

- `transaction_log`: the format of `run-*.wandb` files, LevelDB's records of the protobuf messages
  in `wandb.proto.wandb_internal_pb2`. `parts` reads from it what a run logged, and writes a log of
  what the server lacks, which `wandb sync` then uploads.
- `server`: GraphQL fields of a run: `historyLineCount`, `historyKeys`, `summaryMetrics`, artifacts.
- `session`: the process-wide singleton of `wandb_setup`, wandb-core's process, `wbauth` (is there a
  key?), and how a run publishes an artifact.
- `sync`: the words of `wandb sync`, and the errors that it prints.

Where a format is another one, reading it fails with one line that names the file, the run counts as
failed, and its folder stays as it was: `wandb sync` itself remains as a way to upload it. Training
is not touched by any of this: the tracker has a thread of its own.
"""
