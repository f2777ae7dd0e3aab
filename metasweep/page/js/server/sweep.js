// The page of a sweep: the study's page, with what a server can do besides.
import { decode } from "page/base/data";
import { StudyPage } from "page/study";
import { serverActions } from "page/server/actions";
import { place } from "page/server/api";
import { SweepControl } from "page/server/control";
import { Leaderboard } from "page/server/leaderboard";
import { Workspace } from "page/server/workspace";

export class SweepPage {
  constructor(root, data) {
    this.control = new SweepControl(decodeURIComponent(location.pathname.split("/")[4]));
    this.page = new StudyPage(root, decode(data), (page) => this.extend(page));
    this.load(data, false);
  }

  /** The table has come, or come anew. */
  extend({ table, selection, header, sections }) {
    header.querySelector("h1").after(this.control.element);
    if (!table) return;
    table.picked.actions.push(...serverActions(selection, table.picked));
    const { entity, project } = place();
    this.charts = new Workspace(selection, table.picked, `/${encodeURIComponent(entity)}/${encodeURIComponent(project)}`);
    this.board = new Leaderboard(selection, this.control.name);
    sections.before(this.board.element, this.charts.element);
  }

  load(data, again = true) {
    this.control.load(data.control);
    if (again) this.page.load(decode(data));
    this.board?.load(data.control);
    this.charts?.load(data.logged ?? []);
  }
}
