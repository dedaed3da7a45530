// Checks requests of OTLP with opentelemetry-proto's own message types (spec/support/obtain-npm): a
// line of JSON {signal, request} on standard input, a line of text for each problem. What a message
// does not have is lost when it is read and written again, which shows.
//
//     node otlp_proto.js FOLDER

const path = require("path");
const root = require(
  path.join(
    process.argv[2],
    "node_modules/@opentelemetry/otlp-transformer/build/src/generated/root",
  ),
).opentelemetry.proto.collector;

const TYPES = {
  traces: root.trace.v1.ExportTraceServiceRequest,
  metrics: root.metrics.v1.ExportMetricsServiceRequest,
};

// Ids are hex in JSON; the types take text of bytes for base64, which hex is, too.
const HOW = {
  longs: String,
  enums: Number,
  bytes: String,
  arrays: false,
  objects: false,
  defaults: false,
};

// Fields that are newer than these types: opentelemetry-proto 1.1 has them, in spans and links.
const NEWER = new Set(["flags"]);

function lost(before, after, where, problems) {
  if (Array.isArray(before)) {
    before.forEach((each, index) =>
      lost(each, after && after[index], `${where}[${index}]`, problems),
    );
  } else if (before !== null && typeof before === "object") {
    for (const name of Object.keys(before)) {
      if (!NEWER.has(name)) lost(before[name], after && after[name], `${where}.${name}`, problems);
    }
  } else if (before !== after) {
    problems.push(`${where}: ${JSON.stringify(before)} became ${JSON.stringify(after)}`);
  }
}

function check(line) {
  const { signal, request } = JSON.parse(line);
  const type = TYPES[signal];
  const problem = type.verify(request);
  if (problem && !/integer\|Long expected/.test(problem)) return [`${signal}: ${problem}`];
  const problems = [];
  const bytes = type.encode(type.fromObject(request)).finish();
  lost(request, type.toObject(type.decode(bytes), HOW), signal, problems);
  return problems;
}

const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
for (const line of lines) for (const problem of check(line)) console.log(problem);
console.log(`checked ${lines.length}`);
