-- The command `watchbot template` on the example, from its start to its end, JSON and YAML:
-- compared with the start of Lua alone, and with Python reading the JSON.

local function median(run)
  local seconds = {}
  for round = 1, 9 do seconds[round] = run() end
  table.sort(seconds)
  return seconds[5] * 1000
end

return function(bench)
  local stack = bench.here .. "/../examples/tiles/stack.lua"
  local function timed(...)
    local argv = { ... }
    return median(function() return (bench.run(argv)) end)
  end
  local _, text = bench.run { bench.watchbot, "template", stack }
  local path = bench.write("tiles.json", text)
  local json, yaml = timed(bench.watchbot, "template", stack),
    timed(bench.watchbot, "template", "--format", "yaml", stack)
  local version = timed(bench.watchbot, "--version")
  local python = timed("python3", "-c", "import json, sys; json.load(open(sys.argv[1]))", path)
  bench.report("template: the example (%d bytes) as JSON %.1f ms, as YAML %.1f ms (at most 50); "
    .. "`watchbot --version` %.1f ms; "
    .. "Python reads the JSON in %.1f ms", #text, json, yaml, version, python)
end
