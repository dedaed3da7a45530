return require "watchbot".policy {
  queue = "sqlite:jobs.db", workers = 3, max_receives = 3, log = os.getenv "FORM",
  exits = { [75] = "release" },
  command = [[set -- $Message; sleep $1; [ $ApproximateReceiveCount -gt $3 ] || exit $2]],
}
