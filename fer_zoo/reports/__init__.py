from fer_zoo.reports import charts as charts
