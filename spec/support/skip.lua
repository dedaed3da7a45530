--- skip: requirements that this machine may not provide. A spec that needs one is pending, whether
-- it asks in a test or in a setup, and the end of the run counts the files
-- (spec/support/busted.lua, spec/run). Any other error stays an error.

local shell = require "support.shell"

local skip = { raised = nil, raise = nil }

local answers = {}

-- In a run of plain busted nothing looks at `raised`: it sees an error with this text.
local function raise(what, why)
  skip.raised = { what = what, why = why }
  error(("%s is not available here: %s"):format(what, why), 0)
end

--- Makes the test that calls it pending.
---@type fun(what: string, why: string)
skip.raise = raise

--- The Python that can import a program, from spec/support/obtain; without it, the calling test is
--- pending.
---@param what "moto"|"cfn-lint"
---@return string python
function skip.without(what)
  if not answers[what] then
    local out, code = shell.run("spec/support/obtain " .. what)
    answers[what] = {
      python = code == 0 and out:match "[^\n]+", why = out:match "[^\n]+" or "obtain failed",
    }
  end
  return answers[what].python or raise(what, answers[what].why)
end

--- The test that asks is pending where a program is not installed.
---@param name string
---@param package string Debian's
function skip.program(name, package)
  local _, code = shell.run(("command -v %s >/dev/null"):format(name))
  if code ~= 0 then raise(name, ("it is not installed: apt-get install %s"):format(package)) end
end

return skip
