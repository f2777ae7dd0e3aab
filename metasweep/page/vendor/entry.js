// What the page uses of D3. build.sh bundles it into d3.js.
export { axisBottom, axisLeft } from "d3-axis";
export { brushY } from "d3-brush";
export { scaleLinear, scaleLog } from "d3-scale";
export { pointer, select } from "d3-selection";
