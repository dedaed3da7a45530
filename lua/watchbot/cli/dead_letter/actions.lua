--- cli.dead_letter.actions: the actions on dead letters except triage, which goes through them one
-- by one.
-- Each is called with the letters, the arguments and the selection, in a task, and returns the
-- command's exit status.

local output = require "watchbot.cli.output"
local saved = require "watchbot.message.saved"
local scheduler = require "watchbot.scheduler"
local terminal = require "watchbot.cli.terminal"
local view = require "watchbot.cli.dead_letter.view"

-- Letters shown in the question before they are deleted.
local SHOWN = 10

local actions = {}

local say = output.complain

local function messages(count)
  return ("%d %s"):format(count, count == 1 and "message" or "messages")
end

-- An id that does not exist is a failure, whatever happened to the others.
local function ended(letters, selection)
  local shortfall = selection:shortfall(letters)
  if not shortfall then return 0 end
  say("dead-letter: " .. shortfall)
  return next(selection.missing or {}) and 1 or 0
end

-- reading

local function write_each(letters, selection, line_of)
  local count, err, code = selection:each(letters, function(picked, progress)
    progress:clear()
    for _, letter in ipairs(picked) do
      local line = line_of(letter)
      -- JSON has its own escapes: those for people would break its strings.
      local write = line_of == view.json and output.whole_line or output.line
      local ok, problem, problem_code = write(line)
      if not ok then return nil, problem, problem_code end
    end
    return output.flush()
  end)
  if not count then return nil, err, code end
  return ended(letters, selection), count
end

function actions.list(letters, arguments, selection)
  local status, count, code =
    write_each(letters, selection, arguments.json and view.json or view.line)
  if not status then return nil, count, code end
  if count == 0 and not arguments.json then
    say(("no dead letters%s"):format(selection.is_all and "" or " match"))
  end
  return status
end

function actions.show(letters, arguments, selection)
  local status, count, code =
    write_each(letters, selection, arguments.json and view.json or function(letter)
    return view.whole(letter) .. "\n"
  end)
  if not status then return nil, count, code end
  if count == 0 and not arguments.json then say "no such dead letter" end
  return count == 0 and 1 or status
end

function actions.print(letters, _, selection)
  return write_each(letters, selection, saved.encode)
end

-- changing

local function report(arguments, word, words, count, failures)
  for index, failure in ipairs(failures) do
    if index <= SHOWN then say(("%s: %s"):format(failure.letter.id, failure.message)) end
  end
  if arguments.json then
    output.json { [word] = count, failed = #failures }
  else
    output.line(words:format(messages(count)))
  end
  if #failures == 0 then return true end
  return nil, ("dead-letter: %s could not be %s"):format(messages(#failures), word), "Failed"
end

local function would(letters, arguments, selection, words)
  local status, count, code =
    write_each(letters, selection, arguments.json and view.json or view.line)
  if not status then return nil, count, code end
  say(("dry run: %s would be %s"):format(messages(count), words))
  return status
end

-- Seconds to wait so that `count` messages since `started` stay within the rate.
local function pace(rate, started, count)
  if rate then scheduler.sleep(math.max(0, started + count / rate - scheduler.now())) end
end

local function replay_selected(letters, arguments, selection)
  local total, failures, started = 0, {}, scheduler.now()
  local read, err, code = selection:each(letters, function(picked)
    local count, failed, stop = letters:replay(picked)
    if not count then return nil, failed, stop end
    total = total + count
    table.move(failed, 1, #failed, #failures + 1, failures)
    if stop then return nil, stop.message, stop.code end
    pace(arguments.rate, started, total)
    return true
  end, function() return messages(total) .. " back in the queue" end)
  local ok, problem, problem_code =
    report(arguments, "replayed", "%s back in the queue", total, failures)
  if not read then return nil, err, code end
  if not ok then return nil, problem, problem_code end
  return ended(letters, selection)
end

local function replay_all(letters, arguments)
  local progress <close> = terminal.progress()
  local count, err, code = letters:replay_all {
    rate = arguments.rate, tell = function(words) progress:tell(words) end,
  }
  progress:clear()
  if not count then return nil, err, code end
  report(arguments, "replayed", "%s back in the queue", count, {})
  return 0
end

function actions.replay(letters, arguments, selection)
  if arguments.rate and arguments.rate <= 0 then
    return nil, "dead-letter: --rate: expected messages a second, above 0", "Usage"
  end
  if arguments["dry-run"] then
    return would(letters, arguments, selection, "put back into the queue")
  end
  if selection.is_all then
    local status, err, code = replay_all(letters, arguments)
    if status or code ~= "Unsupported" then return status, err, code end
    if not letters.embedded then
      say(("SQS cannot move them (%s): moving one by one"):format(err))
    end
  end
  return replay_selected(letters, arguments, selection)
end

-- The selection without the bodies: there may be many.
local function collect(letters, selection)
  local all, shown = {}, {}
  local count, err, code = selection:each(letters, function(picked)
    for _, letter in ipairs(picked) do
      if #all < SHOWN then shown[#shown + 1] = view.line(letter) end
      all[#all + 1] = { id = letter.id, key = letter.key }
    end
    return true
  end)
  if not count then return nil, err, code end
  return all, shown
end

local function delete_all(letters, all)
  local progress <close> = terminal.progress()
  local total, failures = 0, {}
  for first = 1, #all, 100 do
    local count, failed, stop =
      letters:delete(table.move(all, first, math.min(first + 99, #all), 1, {}))
    if not count then return nil, failed, stop end
    total = total + count
    table.move(failed, 1, #failed, #failures + 1, failures)
    if stop then return total, failures end
    progress:tell(messages(total) .. " deleted")
  end
  return total, failures
end

local function ask_to_delete(all, shown, yes)
  if yes then return true end
  if terminal.is_interactive() then output.note(table.concat(shown, "\n") .. "\n") end
  if #all > #shown and terminal.is_interactive() then
    output.note(("... and %d more\n"):format(#all - #shown))
  end
  return terminal.confirm(("dead-letter: delete %s permanently?"):format(messages(#all)))
end

function actions.delete(letters, arguments, selection)
  if selection.is_all then
    return nil, "dead-letter: delete: select messages with --id, --from, --match or --limit; purge "
      .. "deletes all", "Usage"
  end
  if arguments["dry-run"] then return would(letters, arguments, selection, "deleted") end
  local all, shown, code = collect(letters, selection)
  if not all then return nil, shown, code end
  if #all > 0 then
    local ok, err, problem_code = ask_to_delete(all, shown, arguments.yes)
    if not ok then return nil, err, problem_code end
  end
  local count, failures
  count, failures, code = delete_all(letters, all)
  if not count then return nil, failures, code end
  local ok, err, problem_code = report(arguments, "deleted", "%s deleted", count, failures)
  if not ok then return nil, err, problem_code end
  return ended(letters, selection)
end

function actions.purge(letters, arguments, selection)
  if not selection.is_all then
    return nil, "dead-letter: purge deletes all; to delete some: watchbot dead-letter "
      .. "delete", "Usage"
  end
  local count, err, code = letters:count()
  if not count then return nil, err, code end
  if arguments["dry-run"] then
    say(("dry run: %s would be deleted"):format(messages(count)))
    return 0
  end
  local ok = true
  if count > 0 then
    ok, err, code =
    terminal.confirm(("dead-letter: delete all %s of %s permanently?"):format(messages(count),
    letters.name),
      arguments.yes)
  end
  if not ok then return nil, err, code end
  count, err, code = letters:purge()
  if not count then return nil, err, code end
  report(arguments, "deleted", "%s deleted", count, {})
  return 0
end

return actions
