-- watchbot-log compared with sed on a file of five million lines, and its start: log.sh does the
-- work.

return function(bench)
  local pipe <close> = assert(io.popen(("sh spec/bench/log.sh '%s'"):format(bench.build)))
  for line in pipe:lines() do bench.report("%s", line) end
end
