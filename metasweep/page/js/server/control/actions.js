// Actions on the picked runs of a table. The client could make the same changes through the API.
import { count } from "page/base/format";
import { refresh } from "page/live";
import { changeRuns } from "page/server/control/api";
import { question, say } from "page/base/dialog";

/** The actions on the picked runs of a selection, for Picked.actions. */
export function serverActions(selection, picked) {
  const names = (runs) => runs.map((run) => selection.study.values.id[run]);
  const value = (column, run) => selection.study.values[column]?.[run] ?? "";
  const change = async (runs, mutation, type, input, done) => {
    const lost = (error) => ({ failed: runs.length, reason: error.message });
    const { failed, reason } = await changeRuns(mutation, type, names(runs), input).catch(lost);
    if (failed) say(`${failed} of ${count(runs.length, "run")}: ${reason}`, true);
    else say(`${count(runs.length, "run")} ${done}.`);
    refresh();
  };
  const edit = (runs, input, done) => change(runs, "upsertBucket", "UpsertBucketInput", input, done);

  const tag = async (runs) => {
    const fields = [{ name: "tags", label: "Tags to add", hint: "Separated by commas; a minus before one takes it away." }];
    const answer = await question({ title: `Tag ${count(runs.length, "run")}`, fields, yes: "Tag" });
    if (answer) await edit(runs, (run) => ({ tags: tagged(run?.tags ?? [], listed(answer.tags)) }), "tagged");
  };
  const rename = async (runs) => {
    const fields = [{ name: "name", label: "Name", value: value("name", runs[0]) }];
    const answer = await question({ title: "Rename the run", fields, yes: "Rename" });
    if (answer?.name.trim()) await edit(runs, () => ({ displayName: answer.name.trim() }), "renamed");
  };
  const note = async (runs) => {
    const fields = [{ name: "notes", label: "Notes", lines: 5, value: runs.length === 1 ? value("notes", runs[0]) : "" }];
    const answer = await question({ title: `Notes of ${count(runs.length, "run")}`, fields, yes: "Save" });
    if (answer) await edit(runs, () => ({ notes: answer.notes }), "noted");
  };
  const stop = async (runs) => {
    const text = "A run that is told to stop ends at its next step and is not tried again.";
    const answer = await question({ title: `Stop ${count(runs.length, "run")}?`, text, yes: "Stop", danger: true });
    if (answer) await change(runs, "stopRun", "RunIdInput", nothing, "told to stop");
  };
  const release = (runs) => change(runs, "releasePoint", "RunIdInput", nothing, "released: the points are offered again");
  const remove = async (runs) => {
    const text = "Everything that they have logged is deleted with them, for good. Points of a sweep are offered again.";
    const answer = await question({ title: `Delete ${count(runs.length, "run")}?`, text, yes: "Delete", danger: true });
    if (!answer) return;
    await change(runs, "deleteRun", "DeleteRunInput", nothing, "deleted");
    picked.clear();
  };
  return [
    { label: "Tag", act: tag },
    { label: "Rename", most: 1, act: rename },
    { label: "Notes", act: note },
    { label: "Release point", act: release },
    { label: "Stop", act: stop, danger: true },
    { label: "Delete", act: remove, danger: true },
  ];
}

function nothing() {
  return {};
}

/** The words of a text with commas. */
export function listed(text) {
  return String(text)
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}

/** Tags with some added and, after a minus, some removed. */
function tagged(old, wanted) {
  const less = new Set(wanted.filter((tag) => tag.startsWith("-")).map((tag) => tag.slice(1)));
  const more = wanted.filter((tag) => !tag.startsWith("-"));
  return [...new Set([...old, ...more])].filter((tag) => !less.has(tag));
}
