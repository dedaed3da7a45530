--- busted: runs the specs with busted, with two additions. A test that needs something that the
-- machine cannot get is pending, and so are all tests under a setup that does
-- (spec/support/skip.lua). $SPEC_REPORT names a file for the statistics of a run: "time SECONDS
-- FILE", "skipped WHAT FILE WHY", "tests RAN PENDING FAILED", "failed FILE:LINE NAME: WHAT".

local FIXTURES = {
  strict_setup = true, lazy_setup = true, before_each = true, after_each = true,
  strict_teardown = true, lazy_teardown = true,
}

-- The modules of specs are not in package.path before busted has read its options.
local function skip() return require "support.skip" end

local function report(...)
  local path = os.getenv "SPEC_REPORT"
  if not path then return end
  local file <close> = assert(io.open(path, "a"))
  file:write(table.concat({ ... }, "\t"), "\n")
end

-- The reason why an element around this one cannot be set up.
local function reason_around(busted, skipped, element)
  while element do
    if skipped[element] then return skipped[element] end
    element = busted.context.parent(element)
  end
end

-- Runs a test or a fixture; an error that skip has raised is published as "pending" for a test, and
-- not at all for a fixture. A task in between may have replaced the error, so its text is not
-- compared.
local function run_guarded(busted, safe, descriptor, run, element)
  local publish = busted.publish
  skip().raised = nil
  busted.publish = function(channel, ...)
    local raised = skip().raised
    if not raised or (channel[1] ~= "error" and channel[1] ~= "failure") then
      return publish(channel, ...)
    end
    if descriptor ~= "it" then return end
    local of, parent = ...
    return publish({ "pending", channel[2] }, of, parent,
      ("no %s: %s"):format(raised.what, raised.why))
  end
  local results = table.pack(safe(descriptor, run, element))
  busted.publish = publish
  local raised = not results[1]:success() and skip().raised
  if raised then
    report("skipped", raised.what, busted.getFile(element).name, raised.why)
    results[1] = busted.status(descriptor == "it" and "pending" or "success")
  end
  return results, raised
end

-- The first lines of a failure, as one line of at most 300 characters.
local function report_failure(busted, element, parent, what)
  local file = busted.getFile(element) or busted.getFile(parent) or element
  local trace = element.trace or {}
  local text = tostring(type(what) == "table" and what.message or what):gsub("%s+", " ")
  report("failed", ("%s:%s %s: %s"):format(file.name, trace.currentline or 0,
    element.name or element.descriptor, text:sub(1, 300)))
end

local function install(busted)
  local safe, skipped = busted.safe, setmetatable({}, { __mode = "k" })

  function busted.safe(descriptor, run, element)
    -- busted also runs what is around a test in this way, the test's own function within.
    local fixture, test = FIXTURES[descriptor], descriptor == "it" and run == element.run
    if not fixture and not test then return safe(descriptor, run, element) end
    local around = reason_around(busted, skipped, element)
    if around and fixture then return busted.status "success" end
    if around then return safe(descriptor, function() busted.pending(around) end, element) end
    local results, raised = run_guarded(busted, safe, descriptor, run, element)
    if raised and fixture then
      skipped[busted.context.parent(element)] = ("no %s: %s"):format(raised.what, raised.why)
    end
    return table.unpack(results, 1, results.n)
  end

  local ran, pending, failed = 0, 0, 0
  for _, kind in ipairs { "failure", "error" } do
    busted.subscribe({ kind }, function(element, parent, what)
      failed = failed + 1
      report_failure(busted, element, parent, what)
      return nil, true
    end)
  end
  busted.subscribe({ "test", "end" }, function(_, _, status)
    if status == "pending" then pending = pending + 1 else ran = ran + 1 end
    return nil, true
  end)
  busted.subscribe({ "suite", "end" }, function()
    report("tests", ran, pending, failed)
    return nil, true
  end)
  busted.subscribe({ "file", "end" }, function(element)
    report("time", ("%.2f"):format(element.duration or 0), element.name)
    return nil, true
  end)
  return busted
end

local core = require "busted.core"
package.loaded["busted.core"] = function() return install(core()) end
require "busted.runner" { standalone = false }
