#include "tests/runtime/retention/zone_clocks.h"

namespace holdfast::testing_retention {

namespace chrono = std::chrono;

namespace {

chrono::year YearOf(chrono::sys_seconds time) {
  return chrono::year_month_day(chrono::floor<chrono::days>(time)).year();
}

chrono::sys_seconds Sunday(chrono::year year, chrono::month month, unsigned which) {
  if (which == 0) return chrono::sys_days(year / month / chrono::Sunday[chrono::last]);
  return chrono::sys_days(year / month / chrono::Sunday[which]);
}

}  // namespace

chrono::seconds Utc(chrono::sys_seconds /*time*/) { return chrono::seconds(0); }

chrono::seconds Berlin(chrono::sys_seconds time) {
  const chrono::year year = YearOf(time);
  const bool summer = time >= Sunday(year, chrono::March, 0) + chrono::hours(1) &&
                      time < Sunday(year, chrono::October, 0) + chrono::hours(1);
  return chrono::hours(summer ? 2 : 1);
}

chrono::seconds StJohns(chrono::sys_seconds time) {
  const chrono::year year = YearOf(time);
  const auto winter = -(chrono::hours(3) + chrono::minutes(30));
  const auto summer = -(chrono::hours(2) + chrono::minutes(30));
  const bool is_summer = time >= Sunday(year, chrono::April, 1) + chrono::minutes(1) - winter &&
                         time < Sunday(year, chrono::October, 0) + chrono::minutes(1) - summer;
  return is_summer ? summer : winter;
}

chrono::seconds LordHowe(chrono::sys_seconds time) {
  const chrono::year year = YearOf(time);
  const auto winter = chrono::hours(10) + chrono::minutes(30);
  const auto summer = chrono::hours(11);
  const bool is_winter = time >= Sunday(year, chrono::April, 1) + chrono::hours(2) - summer &&
                         time < Sunday(year, chrono::October, 1) + chrono::hours(2) - winter;
  return is_winter ? winter : summer;
}

WallTime At(const std::string& time) { return ParseTime(time).value(); }

}  // namespace holdfast::testing_retention
