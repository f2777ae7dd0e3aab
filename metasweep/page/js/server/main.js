// Starts a page of the server: picks its view and follows its data.
import { follow } from "page/live";
import { HomePage } from "page/server/home";
import { ProjectPage } from "page/server/project";
import { RunPage } from "page/server/run";
import { SweepPage } from "page/server/sweep";

const root = document.getElementById("page");
const { view, source, interval } = JSON.parse(document.getElementById("data").textContent);
const views = {
  sweep: (data) => new SweepPage(root, data),
  home: (data) => new HomePage(root, data),
  project: (data) => new ProjectPage(root, data),
  run: (data) => new RunPage(root, data),
};

let page = null;
follow(source, interval, (data) => {
  if (page) page.load(data);
  else page = views[view](data);
});
