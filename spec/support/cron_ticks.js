// The ticks of cron expressions by npm's cron-parser, for spec/schedule/agreement_spec.lua: each
// line of standard input is ZONE COUNT SINCE EXPRESSION, each of the output at most COUNT times in
// seconds since the epoch.
const { CronExpressionParser } = require(process.argv[2] + "/node_modules/cron-parser");
for (const line of require("fs").readFileSync(0, "utf8").trim().split("\n")) {
  const [tz, count, since, ...fields] = line.split(" ");
  const ticks = CronExpressionParser.parse(fields.join(" "), {
    currentDate: new Date(since * 1000),
    tz,
  });
  const times = [];
  try {
    while (times.length < count) times.push(ticks.next().getTime() / 1000);
  } catch (error) {
    if (!/loop limit/.test(error.message)) throw error; // it gives up a tick that is years away
  }
  console.log(times.join(" "));
}
