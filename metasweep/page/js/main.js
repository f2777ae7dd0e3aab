// Starts the report's page with the data that the document carries.
import { decode } from "page/base/data";
import { StudyPage } from "page/study";

const data = JSON.parse(document.getElementById("data").textContent);
new StudyPage(document.getElementById("page"), decode(data));
