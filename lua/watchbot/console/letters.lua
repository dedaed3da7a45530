--- console.letters: the pages of dead letters: a list to choose from, one letter, and the question
-- before something is done. What is done is in console.letter_actions.

local html = require "watchbot.console.html"
local job = require "watchbot.message.job"
local layout = require "watchbot.console.layout"
local show = require "watchbot.console.show"
local sorted = require "watchbot.lib.sorted"
local text = require "watchbot.lib.text"
local views = require "watchbot.console.views"

-- Letters of a page, and bytes of a message that are shown: in a row, and on its own page.
local PAGE, ROW, WHOLE = 50, 400, 128 * 1024

local letters = { path = "/dead-letters", label = "Dead letters" }

--- Of the list nothing moves under the reader's hands: only the number of letters changes.
function letters.regions() return {} end

-- the list

local list = html.template [[
<div class="heading"><h1>Dead letters</h1>{tabs?}</div>
<p class="lead">{lead}</p>
{problem?}
<form class="filter" method="get" action="{here}" role="search">
<input type="hidden" name="queue" value="{queue}">
<label for="match">Text in subject, message or reason</label>
<div class="row"><input id="match" name="match" type="search" value="{match?}" autocomplete="off">
<button type="submit">Filter</button>{clear?}</div>
</form>
{reading?}
{body}
]]

local clear = html.template [[ <a class="button" href="{link}">Show all</a>]]

local reading_panel = html.template [[
<form method="post" action="{action}" class="reading">{stamp}
<input type="hidden" name="queue" value="{queue}">
<p><strong>{read}</strong> {words}</p>{warnings}
<p class="row"><button type="submit" name="do" value="read" class="main">{more}</button>
<button type="submit" name="do" value="return">Return them</button></p>
</form>
]]
local warning = html.template [[<p class="soft">{words}</p>]]

local form = html.template [[
<form method="post" action="{action}" data-choose>
{stamp}
<input type="hidden" name="queue" value="{queue}">
<input type="hidden" name="match" value="{match?}">
{toolbar}
{table}
</form>
]]

local rows_table = html.template [[
<div class="scroll"><table class="list">
<caption class="sr">Dead letters, newest first</caption>
<thead><tr>{all?}<th scope="col">Message</th><th scope="col">Reason</th>
<th scope="col" class="number">Receives</th><th scope="col">Died</th></tr></thead>
<tbody>{rows}</tbody>
</table></div>
]]

local toolbar = html.template [[
<div class="toolbar" role="group" aria-label="Actions">
<span class="chosen" data-chosen aria-live="polite">Select letters to act on some of them.</span>
<button type="submit" name="do" value="replay" data-needs-choice>Replay selected</button>
<button type="submit" name="do" value="delete" data-needs-choice>Delete selected</button>
<span class="gap"></span>
<button type="submit" name="do" value="replay-all">Replay all {count}</button>
<button type="submit" name="do" value="delete-all" class="danger">Delete all {count}</button>
</div>
]]

local all_box = html.template [[
<th scope="col" class="tick"><input type="checkbox" data-choose-all hidden
aria-label="Select all on this page"></th>
]]

local row = html.template [[
<tr>{tick?}
<td class="what"><a href="{link}">{subject}</a>
<p class="excerpt">{excerpt}</p><p class="id">{id}{group?}</p></td>
<td class="reason" data-label="Reason">{reason}</td>
<td class="number" data-label="Receives">{receives}</td>
<td class="when" data-label="Died">{died}</td></tr>
]]

local tick = html.template [[
<td class="tick"><input type="checkbox" name="at" value="{at}" aria-label="Select {id}"></td>
]]

local pages = html.template [[
<nav class="pages" aria-label="Pages of dead letters">{first?} {next?}</nav>
]]
local first_link = html.template [[<a class="button" href="{link}">Newest</a>]]
local next_link = html.template [[<a class="button" href="{link}" rel="next">Older</a>]]

-- Why a message was given up.
local function reason_of(letter)
  if letter.reason then return show.line(letter.reason, ROW) end
  return letter.ending and ("received too often, last %s"):format(show.line(letter.ending, ROW))
    or "received too often"
end

local function row_of(context, source, letter)
  local opened = job.new(letter)
  return row {
    tick = context.console.write and tick { at = source:key(letter), id = letter.id },
    link = context:link("/dead-letter", "queue", source.number, "at", source:key(letter)),
    subject = opened.subject and show.line(opened.subject, ROW) or "(no subject)",
    excerpt = show.line(opened.message, ROW), id = letter.id,
    group = letter.group and " · group " .. show.line(letter.group, 128),
    reason = reason_of(letter),
    receives = show.count(letter.receives), died = show.time(letter.died or letter.sent),
  }
end

local function pages_of(context, source, found, before, match)
  if not found.next and not before then return nil end
  local function link(at)
    return context:link("/dead-letters", "queue", source.number, "match", match, "before", at)
  end
  return pages {
    first = before and first_link { link = link() },
    next = found.next and next_link { link = link(found.next) },
  }
end

local function toolbar_of(source, match)
  local dead = source.figures.dead
  return toolbar { count = match and "that match" or dead and show.count(dead) or "" }
end

local function list_of(context, source, found, before, match)
  local rows, write = {}, context.console.write
  for index, letter in ipairs(found.letters) do rows[index] = row_of(context, source, letter) end
  local listed = rows_table { all = write and all_box {}, rows = rows }
  if write then
    listed = form {
      action = context:link "/dead-letters/confirm", stamp = views.stamp(context),
      queue = source.number, match = match, toolbar = toolbar_of(source, match), table = listed,
    }
  end
  return { listed, pages_of(context, source, found, before, match) }
end

local function nothing(match, before)
  if before then return views.empty("No older letters", "These were all of them.") end
  if match then
    return views.empty("No letter matches", "No subject, message or reason has this text.")
  end
  return views.empty("No dead letters",
    "A message comes here when it has failed too often, or when a task gives it up.")
end

-- Where letters have to be received to be seen.
local function reading_of(context, source)
  if not source.reading then return nil end
  if not context.console.write then
    return views.note("Reading the letters of SQS receives them: this console is read-only.")
  end
  local state, warnings = source:reading(), {}
  for index, words in ipairs(state.warnings) do warnings[index] = warning { words = words } end
  return reading_panel {
    action = context:link "/dead-letters/read", stamp = views.stamp(context),
    queue = source.number, read = show.counted(state.read, "letter"), warnings = warnings,
    words = ("read. SQS shows a letter only to a program that receives it: that counts as a "
      .. "receive, hides it from others for a minute or more, and takes about %d calls."):format(
      state.calls),
    more = state.read > 0 and "Read more" or "Read letters",
  }
end

--- Reads more letters, or returns those that were read.
---@param context watchbot.ConsoleContext
---@return nil
---@return integer|watchbot.HtmlLink
function letters.read(context)
  local source, what, count, err = context:source(), context.form:one "do", nil, nil
  if not source.reading then return nil, 400 end
  if what == "return" then
    source:return_letters()
  else
    count, err = source:read_more()
  end
  local words = err and ("Nothing more was read: %s"):format(err)
    or count and show.counted(count, "letter") .. " read." or "The letters were returned."
  return nil, context:link("/dead-letters", "queue", source.number,
    "told", context.console:tell { kind = err and "bad" or "good", words = words })
end

local function body_of(context, source, found, before, match)
  if not found then return "" end
  if #found.letters == 0 and source.reading then return "" end
  if #found.letters == 0 then return nothing(match, before) end
  return list_of(context, source, found, before, match)
end

---@param context watchbot.ConsoleContext
---@return watchbot.Html
function letters.get(context)
  local source, match = context:source(), context.form:one "match"
  local before = context.form:number "before"
  local found, err = source:letters(PAGE, before, match)
  local dead = source.figures.dead
  return layout.page(context, {
    title = "Dead letters", path = letters.path,
    live = true, content = list {
      tabs = views.tabs(context, "/dead-letters"), here = context:link "/dead-letters",
      lead = ("%s of %s that failed too often. Replay sends them back to the queue."):format(
        dead and show.counted(dead, "message") or "Messages", source.name),
      problem = not found and views.problem(err), queue = source.number, match = match,
      clear = match and clear { link = context:link("/dead-letters", "queue", source.number) },
      reading = reading_of(context, source), body = body_of(context, source, found, before, match),
    },
  })
end

-- one letter

local letter_page = html.template [[
<p class="crumbs"><a href="{back}">Dead letters</a></p>
<h1 class="break">{subject}</h1>
{actions?}
<dl class="facts">{facts}</dl>
{attempts?}
<h2>Message</h2>
<p class="lead">{size}{more?}</p>
<pre class="body" tabindex="0" aria-label="Message">{message}</pre>
]]

local actions = html.template [[
<form method="post" action="{action}" class="actions">{stamp}
<input type="hidden" name="queue" value="{queue}"><input type="hidden" name="at" value="{at}">
<button type="submit" name="do" value="replay">Replay</button>
<button type="submit" name="do" value="delete" class="danger">Delete</button>
</form>
]]

local attempts_link = html.template [[<p><a class="button" href="{link}">{label}</a></p>]]

-- Why it failed is in its attempts: in the history of the file, or in the log.
local function attempts_of(context, source, letter)
  if source.has_log and not source:has_log() then return nil end
  return attempts_link {
    link = context:link("/job", "queue", source.number, "id", letter.id),
    label = source.has_log and "Find it in the log" or "Its attempts and their output",
  }
end

local function facts_of(letter, opened)
  local facts = {
    views.fact("ID", letter.id), views.fact("Reason", reason_of(letter)),
    views.fact("Receives", show.count(letter.receives)),
    views.fact("Sent", show.moment(letter.sent)),
    views.fact("First received", show.moment(letter.first_received)),
    views.fact("Died", show.moment(letter.died)),
  }
  if letter.group then facts[#facts + 1] = views.fact("Group", letter.group) end
  if letter.priority then facts[#facts + 1] = views.fact("Priority", tostring(letter.priority)) end
  for _, name in ipairs(sorted.keys(opened.attributes)) do
    local attribute = opened.attributes[name]
    facts[#facts + 1] = views.fact(("Attribute %s (%s)"):format(name, attribute.type),
      text.cut(attribute.value, ROW))
  end
  return facts
end

local function one(context, source, letter)
  local opened, at = job.new(letter), source:key(letter)
  return letter_page {
    back = context:link("/dead-letters", "queue", source.number),
    subject = opened.subject and show.line(opened.subject, ROW) or "(no subject)",
    actions = context.console.write and actions {
      action = context:link "/dead-letters/confirm", stamp = views.stamp(context),
      queue = source.number, at = at,
    },
    facts = facts_of(letter, opened), attempts = attempts_of(context, source, letter),
    size = show.size(#opened.message),
    more = #opened.message > WHOLE and (", of which the first %s are shown"):format(
      show.size(WHOLE)),
    message = text.cut(opened.message, WHOLE),
  }
end

--- The page of one letter.
---@param context watchbot.ConsoleContext
---@return watchbot.Html
---@return integer? status
function letters.one(context)
  local source = context:source()
  local letter, err = source:letter(context.form:one "at" or "")
  local found = letter and one(context, source, letter)
  return layout.page(context, {
    title = "Dead letter", path = letters.path,
    content = found or err and views.problem(err)
      or views.empty("This letter is gone", "It was replayed or deleted, here or elsewhere."),
  }), not found and (err and 503 or 404) or nil
end

return letters
