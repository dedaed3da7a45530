--- specs.report: the results of specs: as a person reads them, as TAP, or as JUnit's XML.

local report = {}

local function first_line(err)
  return (err:match "^[^\n]*")
end

local plain = {}

function plain.result(result, write)
  write(({ success = "+", failure = "-", pending = "." })[result.status])
end

function plain.finish(results, counts, write)
  write(("\n%d successes / %d failures / %d pending\n"):format(counts.success, counts.failure,
    counts.pending))
  for _, result in ipairs(results) do
    if result.status == "failure" then
      write(("\nFailure: %s: %s\n%s\n"):format(result.file, result.name, result.err))
    elseif result.status == "pending" then
      write(("\nPending: %s: %s\n"):format(result.file, result.name))
    end
  end
end

local tap = {}

function tap.result(result, write, number)
  write(("%sok %d - %s%s\n"):format(result.status == "failure" and "not " or "", number,
    result.name:gsub("[\n#]", " "), result.status == "pending" and " # SKIP" or ""))
  if result.status == "failure" then write("# " .. result.err:gsub("\n", "\n# ") .. "\n") end
end

function tap.finish(results, _, write) write(("1..%d\n"):format(#results)) end

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function xml(text)
  return (text:gsub('[&<>"]', ENTITIES):gsub("[%z\1-\8\11\12\14-\31]", "?"))
end

local junit = {}

function junit.result() end

function junit.finish(results, counts, write)
  write('<?xml version="1.0" encoding="UTF-8"?>\n')
  write(('<testsuite name="watchbot" tests="%d" failures="%d" skipped="%d">\n'):format(#results,
    counts.failure, counts.pending))
  for _, result in ipairs(results) do
    write(('  <testcase classname="%s" name="%s" time="%.3f">'):format(xml(result.file),
      xml(result.name), result.seconds))
    if result.status == "failure" then
      write(('<failure message="%s">%s</failure>'):format(xml(first_line(result.err)),
        xml(result.err)))
    elseif result.status == "pending" then
      write "<skipped/>"
    end
    write "</testcase>\n"
  end
  write "</testsuite>\n"
end

local FORMS = { plain = plain, tap = tap, junit = junit }

--- A report.
---@param form "plain"|"tap"|"junit"
---@param write fun(text: string)
---@return fun(result: watchbot.SpecResult) add
---@return fun(): integer finish writes the rest, and returns the number of failures
function report.new(form, write)
  local results, counts = {}, { success = 0, failure = 0, pending = 0 }
  return function(result)
    results[#results + 1] = result
    counts[result.status] = counts[result.status] + 1
    FORMS[form].result(result, write, #results)
  end, function()
    FORMS[form].finish(results, counts, write)
    return counts.failure
  end
end

return report
