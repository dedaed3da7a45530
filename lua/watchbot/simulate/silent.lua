--- simulate.silent: the journal of a simulated watcher: nothing is written, and only warnings that
-- are about no message reach the report. Lines would cost more than all else.

local Silent = { errors = 0 }
Silent.__index = Silent

local function nothing() end

for _, name in ipairs {
  "info", "started", "outcome", "held", "dropped", "show_messages", "show_traces", "write",
} do
  Silent[name] = nothing
end

local function said(self, id, name, value, _, _, seconds)
  if id ~= nil or name ~= "error" and name ~= "event" and name ~= "warning" then return end
  local raised = name == "error" and tostring(value):find("\nstack traceback:", 1, true) ~= nil
  -- A long-running part of the watcher has failed, and would be started again forever; the errors
  -- of hooks are reported by the observer of hooks.
  if not raised or seconds then self.report(tostring(value), raised) end
end

Silent.warning, Silent.error = said, said

--- A journal.
---@param report fun(text: string, broken: boolean)
---@return watchbot.Journal
return function(report)
  return setmetatable({ report = report }, Silent)
end
