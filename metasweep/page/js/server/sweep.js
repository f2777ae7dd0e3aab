// The page of a sweep: the study's page, with what a server can do besides.
import { decode } from "page/base/data";
import { StudyPage } from "page/study";
import { serverActions } from "page/server/actions";
import { SweepControl } from "page/server/control";

export class SweepPage {
  constructor(root, data) {
    this.control = new SweepControl(decodeURIComponent(location.pathname.split("/")[4]));
    this.page = new StudyPage(root, decode(data), (page) => this.extend(page));
    this.load(data, false);
  }

  /** The table has come, or come anew. */
  extend({ table, selection, header }) {
    header.querySelector("h1").after(this.control.element);
    if (table) table.picked.actions.push(...serverActions(selection, table.picked));
  }

  load(data, again = true) {
    this.control.load(data.control);
    if (again) this.page.load(decode(data));
  }
}
