// A cache of bounded size that forgets what was not used for longest.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <utility>

template <class Key, class Value> class Lru {
public:
  explicit Lru(std::size_t room) : room(room) {}

  template <class Make> const Value &get(const Key &key, Make make) {
    auto found = index.find(key);
    if (found != index.end()) {
      ++hit_count;
      entries.splice(entries.begin(), entries, found->second);
      return entries.front().second;
    }
    entries.emplace_front(key, make(key));
    index.emplace(key, entries.begin());
    if (entries.size() > room) {
      index.erase(entries.back().first);
      entries.pop_back();
    }
    return entries.front().second;
  }

  void clear() {
    entries.clear();
    index.clear();
  }

  std::size_t hits() const { return hit_count; }
  std::size_t size() const { return entries.size(); }

private:
  using Entries = std::list<std::pair<Key, Value>>;
  std::size_t room, hit_count = 0;
  Entries entries;
  std::map<Key, typename Entries::iterator> index;
};
